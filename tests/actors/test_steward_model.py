"""Whatever is lost, doubled, late, cut off or restarted: layouts form one chain, and what is wished
for comes about in the end.
"""

from __future__ import annotations

from functools import lru_cache

import pytest

from actors import layout as layouts
from actors import ring
from actors.ring import Ring
from tests.actors.steward_model import HASTY, IDS, NAMES, World
from tests.seeds import first_of

SEEDS = 200
BATCHES = first_of(range(10), 4)


@pytest.fixture(autouse=True)
def _few_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of the same few members is made once, and they have few partitions."""
    monkeypatch.setattr(ring, "PARTITIONS", 128)
    monkeypatch.setattr(layouts, "ring_of", _ring_of)
    monkeypatch.setattr(layouts, "_table_of", _table_of)


_ring_of = lru_cache(maxsize=None)(Ring)
_table_of = lru_cache(maxsize=None)(layouts._Table)


def trouble(world: World) -> None:
    """Something happens."""
    rng, machines = world.rng, list(world.machines.values())
    layout = world.chain[max(world.chain)] if world.chain else None
    running = world.running()
    present = [m for m in machines if not m.is_lost]
    is_calm = all(m.state == "alive" and not m.is_lost for m in machines if m.id in _in(layout))
    match rng.randrange(10):
        case 0 | 1 if len(machines) < len(IDS):
            world.add(NAMES[len(machines)])
        case 2 | 3 if layout is not None and is_calm and len(layout.target) > 1:
            leaver = world.machines[rng.choice(layout.target)]
            if len([m for m in present if m.state == "alive"]) > 1:
                leaver.state = "leaving"
        case 4 if layout is not None and is_calm and not layout.next and len(layout.base) > 2:
            lost = world.machines[rng.choice(layout.base)]
            world.crash(lost.id)
            lost.is_lost = True
            if rng.random() < 0.5 and len(machines) < len(IDS):
                world.add(lost.name)
        case 5 | 6:
            world.cut = frozenset(rng.sample(IDS, rng.randrange(1, len(IDS))))
        case 7:
            world.cut = frozenset()
        case 8 if running:
            world.crash(rng.choice(running))
        case 9 if running:
            world.process(rng.choice(running)).steward.wants_bump(rng.random() < 0.5)
    for machine in present:
        if machine.process is None and not machine.is_lost and rng.random() < 0.5:
            world.start(machine.id)


def _in(layout: layouts.Layout | None) -> tuple[str, ...]:
    return layout.members if layout is not None else ()


def strike_the_lost(world: World, *, accept_loss: bool = False) -> None:
    """Somebody asks to strike out the lost that nobody has replaced."""
    for machine in world.machines.values():
        running = world.running()
        if machine.is_lost and machine.state != "left" and running:
            world.strike(world.rng.choice(running), machine.id, accept_loss=accept_loss)


def live(seed: int) -> World:
    """A short and troubled life of a network, and then its peace."""
    world = World(seed, founders=1 + seed % 3)
    world.loss = world.rng.choice((0.0, 0.1, 0.3))
    world.lies = world.rng.choice((0.0, 0.0, 0.1))
    world.crashes = world.rng.choice((0.0, 0.0, 0.01))
    world.full = world.rng.choice((0.0, 0.0, 0.02))
    for _ in range(world.rng.randrange(4, 16)):
        world.run(world.rng.choice((50, 300, 1_000, 2_000)))
        trouble(world)
        if world.rng.random() < 0.3:
            strike_the_lost(world)
    world.heal()
    return world


def duel(seed: int) -> World:
    """Everybody has another wish, and all propose at once, while nodes crash and start."""
    world = World(seed, founders=3 + seed % 3, settings=HASTY)
    world.run(500)
    world.is_moving = False
    world.gossip_ms = 40
    world.said = ("dead", "leaving")
    world.delays_ms = (1, 1, 2, 4, 30)
    world.loss = world.rng.choice((0.02, 0.1))
    world.lies = world.rng.choice((0.4, 0.8))
    world.crashes = world.rng.choice((0.0, 0.01))
    world.full = world.rng.choice((0.0, 0.01))
    world.aimed = 0.3
    for _ in range(40):
        world.run(world.rng.choice((10, 30, 60)))
        if world.rng.random() < 0.4:
            world.cut = frozenset()
        for machine in world.machines.values():
            if machine.process is None and not machine.is_lost and world.rng.random() < 0.7:
                world.start(machine.id)
    return world


@pytest.mark.parametrize("batch", BATCHES)
def test_duels_leave_one_chain(batch: int) -> None:
    """One layout an epoch, on whichever disk, and never back, however many wish otherwise."""
    for seed in range(batch, SEEDS, 10):
        duel(seed)


def lose_two(seed: int) -> World:
    """Two of five are lost, perhaps while a sixth joins or the first is struck out, and given up
    through whomever, again and again, while messages are lost and late."""
    world = World(seed, founders=5)
    rng = world.rng
    world.run(500)
    one, other = rng.sample(list(world.machines.values()), 2)
    for machine in (one, other):
        world.crash(machine.id)
        machine.is_lost = True
        if rng.random() < 0.3:
            strike_the_lost(world)
        if rng.random() < 0.3 and len(world.machines) < len(IDS):
            world.add(rng.choice((NAMES[5], machine.name)))
        world.run(rng.choice((0, 100, 500, 1_000)))
    world.loss = rng.choice((0.0, 0.1, 0.3))
    for _ in range(rng.randrange(1, 6)):
        strike_the_lost(world, accept_loss=True)
        world.run(rng.choice((50, 300, 1_000)))
    world.loss = 0.0
    return world


@pytest.mark.parametrize("batch", BATCHES)
def test_two_that_are_lost_at_once_are_given_up(batch: int) -> None:
    """By whomever it is asked: layouts form one chain, and those that are left agree."""
    for seed in range(batch, SEEDS, 10):
        world = lose_two(seed)
        for _ in range(6):
            # Who was asked may be no member yet, and refuses.
            strike_the_lost(world, accept_loss=True)
            if world.run(5_000, world.is_at_peace):
                break
        else:
            raise AssertionError(f"seed {seed} has no peace: {world.describe()}")
        assert max(world.chain) < 100, "a majority was there, and decided"


@pytest.mark.parametrize("batch", BATCHES)
def test_layouts_form_one_chain_and_wishes_come_true(batch: int) -> None:
    """One layout an epoch, on whichever disk, and never back; then all agree on who is wanted."""
    for seed in range(batch, SEEDS, 10):
        world = live(seed)
        for _ in range(12):
            strike_the_lost(world)
            if world.run(5_000, world.is_at_peace):
                break
        else:
            raise AssertionError(f"seed {seed} has no peace: {world.describe()}")
