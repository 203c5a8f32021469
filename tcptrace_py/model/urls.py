"""Paths that are URLs: which are, and what of them may be shown. A password or a signature never is."""

from __future__ import annotations

import re

_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]*://", re.IGNORECASE)  # `simplecache::s3://` is one as well
_USER = re.compile(r"(?<=://)(?:[^/@:\s]*:(?!:|\d+(?:/|$))[^@\s]*@(?:[^/\s]*@)?|[^/\s]*@)")  # a secret key may hold a slash
_QUERY = re.compile(r"(https?://[^?\s]*)\?\S*?(?=::|\s|$)", re.IGNORECASE)
HIDDEN = "***"


def is_url(path: str) -> bool:
    """Whether a path names a file of a file system that is not the machine's own: `s3://bucket/key`."""
    return _URL.match(path) is not None


def scheme_of(url: str) -> str:
    """Its file system, in small letters: the first, where there is a chain of them."""
    return url.partition("::")[0].partition("://")[0].lower()


def shown(path: str) -> str:
    """A path as it may be printed: of a URL without user and password, and of one of HTTP without what follows "?"."""
    return _QUERY.sub(r"\1?...", _USER.sub("", path)) if is_url(path) else path


def without_secrets(text: str, url: str = "") -> str:
    """A text as it may be printed, whatever URLs are in it; what somebody else says about `url` may hold its password alone."""
    from urllib.parse import unquote  # noqa: PLC0415 - long to import

    for found in _USER.findall(url):
        _, colon, password = found[:-1].partition(":")
        for secret in (password, unquote(password)) if colon and password else ():
            text = text.replace(secret, HIDDEN)
    return _QUERY.sub(r"\1?...", _USER.sub("", text))
