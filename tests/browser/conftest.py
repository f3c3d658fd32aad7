"""Fixtures: a browser, and a network of three node processes with a gateway, for all tests here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from nodes.client import Client
from nodes.free_ports import Ports
from tests.browser.pages import MISSING, Page, start_browser
from tests.networks import NodeProcess, Processes, addresses, client_of
from tests.web.gateways import GatewayProcess


@dataclass(frozen=True, slots=True)
class World:
    """Nodes, the gateway in front of them, and a client that sees the same."""

    nodes: list[NodeProcess]
    gateway: GatewayProcess
    client: Client


@pytest.fixture(scope="package")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """What starts node processes; they are ended at the end."""
    ports = Ports()
    processes = Processes(tmp_path_factory.mktemp("nodes"), ports)
    yield processes
    processes.close()
    ports.close()


@pytest.fixture(scope="package")
def world(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Three nodes."""
    nodes = processes.nodes_that_list_each_other(3)
    endpoints = [node.listen for node in nodes]
    [listen] = addresses(processes.ports.take(1))
    folder = tmp_path_factory.mktemp("gateway")
    with (
        GatewayProcess(folder, endpoints, listen=listen) as gateway,
        client_of(*endpoints) as client,
    ):
        yield World(nodes, gateway, client)


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chrome, Path]]:
    """Chromium, and the folder of what it has downloaded."""
    if MISSING:
        pytest.skip(MISSING)
    folder = tmp_path_factory.mktemp("browser")
    driver = start_browser(folder)
    yield driver, folder / "downloads"
    driver.quit()


@pytest.fixture
def page(browser: tuple[Chrome, Path], world: World) -> Iterator[Page]:
    """The page of the three nodes, all well; nothing of it may be wrong in the eyes of the
    browser, nor may it ask anybody else."""
    page = Page(*browser)
    page.open(world.gateway.address)
    page.wait_live()
    yield page
    assert page.complaints() == []
    assert page.strangers() == []
