"""Gossip takes a time that grows with the logarithm of the size of a network, and hardly costs a
node more: up to a thousand simulated nodes, 5 % of all messages being lost."""

from __future__ import annotations

from functools import cache
from math import log2, log10
from statistics import mean

import pytest

from actors.gossip_settings import GossipSettings
from actors.messages import Rumour
from bench.gossip import (
    LOSS,
    ROUND_MS,
    SIZES,
    begin_to_lose,
    busy,
    detection_ms,
    goodbye_ms,
    idle_bytes_per_s,
    measure,
    settled,
    spread_ms,
)
from nodes.simulated.gossipers import GossipNetwork
from nodes.simulated.network import Weather

SETTINGS = GossipSettings()
MOST_MORE_BYTES = 1.5


def most_rounds(size: int) -> float:
    """A round for every doubling of the network, and two to spare: 12 for a thousand nodes."""
    return 2 + log2(size)


def most_suspected_s(size: int) -> float:
    """Until all suspect a machine without power: ten nodes' turns to ping it, and the news of it.
    That each misses it happens once in twenty thousand times."""
    rounds_ms = most_rounds(size) * ROUND_MS
    return (10 * SETTINGS.probe_ms + SETTINGS.probe_window_ms + rounds_ms) / 1_000


def most_dead_s(size: int) -> float:
    """Until it is dead for all, although nobody else confirms the suspicion."""
    suspicion_ms = SETTINGS.suspicion_ms * max(1, log10(size + 1)) * SETTINGS.suspicion_stretch
    return most_suspected_s(size) + (suspicion_ms + most_rounds(size) * ROUND_MS) / 1_000


@cache
def idle_bytes_of_ten() -> float:
    """What a node of a small network sends when nothing happens."""
    return mean(idle_bytes_per_s(settled(10, seed, loss=0)) for seed in range(10))


@pytest.mark.parametrize("size", [10, 30, 100])
def test_rounds_grow_with_the_logarithm(size: int) -> None:
    """A value that is shared among others reaches the last node within 2 + log2(n) rounds."""
    network = settled(size, seed=1)
    with busy(network):
        took_ms = [spread_ms(network, f"among{number}") for number in range(3)]
    assert max(took_ms) / ROUND_MS <= most_rounds(size)


@pytest.mark.seeds
def test_a_thousand_nodes_gossip_as_cheaply_and_nearly_as_fast_as_ten() -> None:
    """At most 1.5 times the idle bytes, 12 rounds, and a machine without power is found in time."""
    network = settled(1_000, seed=1, loss=0)
    idle = idle_bytes_per_s(network, duration_ms=2_000)
    assert idle <= MOST_MORE_BYTES * idle_bytes_of_ten()
    begin_to_lose(network)
    took_ms = [spread_ms(network, f"lone{number}") for number in range(2)]
    assert max(took_ms) / ROUND_MS <= most_rounds(1_000)
    check_detection(1_000, network)


@pytest.mark.parametrize("size", [10, 100])
def test_a_good_bye_reaches_the_last_node_in_as_many_rounds(size: int) -> None:
    """A node that is told to stop is shown as stopped by all."""
    assert goodbye_ms(settled(size, seed=1)) / ROUND_MS <= most_rounds(size)


@pytest.mark.parametrize("size", [10, 100])
def test_a_machine_without_power_is_found_in_time(size: int) -> None:
    """All suspect it after some pings, and take it for dead when the suspicion has run out."""
    check_detection(size, settled(size, seed=1))


def test_all_follows_from_the_seed() -> None:
    """The same network twice sends the same bytes; another seed makes another one."""
    traffic = [
        [machine.traffic for machine in settled(20, seed, loss=LOSS).machines] for seed in (1, 1, 2)
    ]
    assert traffic[0] == traffic[1] != traffic[2]


def test_who_pauses_finds_what_was_sent_meanwhile_and_who_restarts_is_back() -> None:
    """A paused node goes on with what has waited for it; another boot of a node is shown alive."""
    network = settled(10, seed=1, loss=0)
    paused, crashed = network.machines[:2]
    paused.running().pause()
    crashed.crash()
    turned_to = paused.traffic.sent_messages
    network.run_for(1_000)
    assert paused.traffic.sent_messages == turned_to
    assert paused.traffic.received_messages > 0
    paused.running().resume()
    crashed.start()
    network.run_until(lambda: all_list_alive(network), 30_000)
    assert crashed.member.boot == 2


def test_a_publication_is_counted_once_for_each_that_hears_it() -> None:
    """In a network of three a rumour is sent twice by its origin, then twice by both others."""
    network = GossipNetwork(3, seed=1, weather=Weather())
    network.run_for(3_000)
    before = network.copies_of[Rumour]
    spread_ms(network, "key")
    network.run_for(1_000)
    assert network.copies_of[Rumour] - before == 6
    received = [machine.traffic.received_messages for machine in network.machines]
    assert sum(received) == network.copies_of.total()


@pytest.mark.soak
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("seed", range(2, 12))
@pytest.mark.parametrize("size", SIZES)
def test_it_does_so_whatever_the_seed(size: int, seed: int) -> None:
    """All bounds hold in ten more networks of each size."""
    measured = measure(size, seed)
    rounds = [*measured.rounds, *(ms / ROUND_MS for ms in measured.lone_ms)]
    assert max(rounds) <= most_rounds(size)
    assert measured.idle_bytes_per_s <= MOST_MORE_BYTES * idle_bytes_of_ten()
    assert measured.suspected_s <= most_suspected_s(size)
    assert measured.dead_s <= most_dead_s(size)


def check_detection(size: int, network: GossipNetwork) -> None:
    """Of one machine."""
    suspected_ms, dead_ms = detection_ms(network)
    assert suspected_ms / 1_000 <= most_suspected_s(size)
    assert dead_ms / 1_000 <= most_dead_s(size)


def all_list_alive(network: GossipNetwork) -> bool:
    """Do all list all as alive, in their present lives?"""
    lives = [(m.member.id, m.member.boot) for m in network.machines]
    listed = [by.listed(id) for by in network.machines for id, _ in lives]
    boots = [boot for _ in network.machines for _, boot in lives]
    return all(
        member is not None and (member.boot, member.state) == (boot, "alive")
        for member, boot in zip(listed, boots, strict=True)
    )
