"""Envelopes go from thread to thread by reference, in order, and never pile up without bound."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import partial

import pytest
import zmq

from actors.actor import Address, Envelope
from actors.messages import Observed
from nodes.mailbox import MAX_WAITING, Mailbox, Post
from nodes.sockets import Context
from tests.networks import wait_until

HERE = Address("1" * 16, "router")


@pytest.fixture
def mailbox(context: Context) -> Iterator[Mailbox]:
    """The open mailbox of a router."""
    mailbox = Mailbox("router")
    mailbox.open(context)
    yield mailbox
    mailbox.close()


@pytest.fixture
def post(context: Context, mailbox: Mailbox) -> Iterator[Post]:
    """Somebody's way to it."""
    post = Post(context, {"router": mailbox})
    yield post
    post.close()


def said(*numbers: int) -> list[Envelope]:
    """Envelopes to be told apart by their clocks."""
    return [Envelope(HERE, HERE, Observed(number)) for number in numbers]


def clocks(envelopes: Sequence[Envelope]) -> list[int]:
    """The numbers that were said."""
    return [e.message.clock for e in envelopes if isinstance(e.message, Observed)]


def has_mail(mailbox: Mailbox) -> bool:
    """Does the socket tell of anything, as a poll loop sees it?"""
    assert mailbox.socket is not None
    return bool(mailbox.socket.poll(0, zmq.POLLIN))


def test_a_batch_is_handed_over_by_reference(mailbox: Mailbox, post: Post) -> None:
    """The very envelopes arrive: nothing is encoded inside a process."""
    sent = said(1, 2)
    assert post.send("router", sent)
    wait_until("the mailbox is readable", lambda: has_mail(mailbox))
    taken = mailbox.take(10)
    assert [a is b for a, b in zip(taken, sent, strict=True)] == [True, True]


def test_batches_keep_their_order(mailbox: Mailbox, post: Post) -> None:
    """What one thread sends arrives in the order in which it was sent."""
    for number in range(100):
        post.send("router", said(number, number))
    wait_until("the mailbox is readable", lambda: has_mail(mailbox))
    assert clocks(mailbox.take(100)) == [n for number in range(100) for n in (number, number)]


def test_one_look_takes_no_more_than_its_limit(mailbox: Mailbox, post: Post) -> None:
    """The rest stays, is seen to be there, and comes with the next look."""
    for number in range(5):
        post.send("router", said(number))
    wait_until("the mailbox is readable", lambda: has_mail(mailbox))
    assert clocks(mailbox.take(3)) == [0, 1, 2]
    assert mailbox.batches
    assert clocks(mailbox.take(3)) == [3, 4]
    assert not mailbox.batches


def test_the_bell_rings_once_for_many(mailbox: Mailbox, post: Post) -> None:
    """It rings again only when the receiver has looked, and then it does."""
    for number in range(3):
        post.send("router", said(number))
    wait_until("the mailbox is readable", lambda: has_mail(mailbox))
    mailbox.take(10)
    assert not has_mail(mailbox)
    post.send("router", said(3))
    wait_until("the mailbox is readable again", lambda: has_mail(mailbox))
    assert clocks(mailbox.take(10)) == [3]


def test_a_full_mailbox_takes_no_more(mailbox: Mailbox, post: Post) -> None:
    """The sender is told, and as soon as there is room it may send again."""
    assert all(post.send("router", said(number)) for number in range(MAX_WAITING))
    assert not post.send("router", said(0))
    mailbox.take(1)
    assert post.send("router", said(MAX_WAITING))
    assert clocks(mailbox.take(MAX_WAITING)) == list(range(1, MAX_WAITING + 1))


def test_a_closed_mailbox_takes_nothing(mailbox: Mailbox, post: Post) -> None:
    """Its actor has finished: the sender is told so."""
    assert not post.has_finished("router")
    mailbox.close()
    assert not post.send("router", said(1))
    assert post.has_finished("router")


def test_a_post_knows_its_actors(post: Post) -> None:
    """It says whether there is such an actor."""
    assert "router" in post
    assert "fileserver" not in post


def test_nothing_is_lost_between_threads(context: Context, mailbox: Mailbox) -> None:
    """Four threads send while the fifth looks only when the bell tells it to."""
    count = 5_000

    def send(sender: int) -> None:
        post = Post(context, {"router": mailbox})
        for number in range(count):
            again = partial(post.send, "router", said(sender * count + number))
            wait_until("there is room", again)
        post.close()

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
    for thread in threads:
        thread.start()
    taken: list[int] = []
    assert mailbox.socket is not None
    while len(taken) < 4 * count:
        assert mailbox.batches or mailbox.socket.poll(30_000), "a batch was overlooked"
        taken += clocks(mailbox.take(256))
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(4 * count))
    for sender in range(4):
        own = [n for n in taken if n // count == sender]
        assert own == sorted(own)
