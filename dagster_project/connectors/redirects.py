"""Redirects that are not followed: those that would take a secret to another address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

from dagster_project.connectors.problems import SourceError, Words


class RedirectRefused(requests.RequestException):
    """The source sends us to ``place``, another address than the one that was asked."""

    def __init__(self, asked: str, place: str) -> None:
        super().__init__(f"{asked} points to another address, {place}")
        self.asked = asked
        self.place = place


class StaysAtHome(requests.Session):
    """A session that follows redirects within one host only, and never from https to http.

    requests itself takes the header ``Authorization`` off, but sends a body, such as a password,
    wherever a redirect with status 307 or 308 says.
    """

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where to go on.

        Raises:
            RedirectRefused: at another address.
        """
        target = super().get_redirect_target(resp)
        if target is not None:
            asked, following = urlsplit(resp.url), urlsplit(urljoin(resp.url, target))
            is_upgrade = (asked.scheme, following.scheme) == ("http", "https")
            is_same = (asked.scheme, asked.netloc) == (following.scheme, following.netloc)
            if not is_same and not (is_upgrade and asked.hostname == following.hostname):
                raise RedirectRefused(_place(asked), _place(following))
        return target


def told_redirect(where: str, error: RedirectRefused) -> SourceError:
    """What a refused redirect means and what to do."""
    return SourceError(
        Words(
            f"{where}: {error.asked} points to another address, {error.place}. Nothing secret was "
            "sent there.",
            f"{where}：{error.asked} 指向其他地址 {error.place}；未向其发送任何密钥。",
        ),
        Words(
            "If that address is the right one, write it into the sources file.",
            "若该地址正确，请将其写入源文件。",
        ),
    )


def _place(parts: Any) -> str:
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
