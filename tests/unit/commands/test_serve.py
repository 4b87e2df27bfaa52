"""Choosing the dashboard's port."""

from __future__ import annotations

import socket

from dagster_project.commands.serve import free_port

HOST = "127.0.0.1"


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        chosen = free_port(HOST, port)
        assert chosen > port
    assert free_port(HOST, port) == port


def test_no_free_port_leaves_the_choice_to_the_server() -> None:
    assert free_port("203.0.113.1", 8501) == 8501  # no address of this machine
