"""Which proxy a URL is asked through, as HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say, in either case.

The variables are read as Python's own `urllib.request` reads them, so HTTP_PROXY in capitals is ignored where
REQUEST_METHOD is set (CVE-2016-1000110). NO_PROXY also takes networks in CIDR form and '*.example.org'.
"""

from __future__ import annotations

import base64
import ipaddress
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import unquote

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from pipeline.media.http.guards import bare_host, port_of
from pipeline.model.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Proxy:
    """An http proxy.

    >>> Proxy.read("http://me:secret@proxy.example.org:3128", "HTTP_PROXY")
    Proxy(host='proxy.example.org', port=3128)
    """

    host: str
    port: int
    authorization: str = field(default="", repr=False)
    """Value of Proxy-Authorization; empty: none is sent."""

    @classmethod
    def read(cls, address: str, variable: str) -> Proxy:
        """Read 'http://user:password@host:port'; raises PipelineError for what is no http proxy, without the secret."""
        text = address if "://" in address else f"http://{address}"
        try:
            parsed = parse_url(text)
        except LocationParseError:
            parsed = Url()
        if parsed.scheme != "http" or not parsed.host:
            told = parsed.scheme not in (None, "http")
            raise PipelineError(
                f"the proxy cannot be used: {f'it speaks {parsed.scheme}, not http' if told else 'no host is named'}",
                where=f"the variable {variable}",
                expected="http://host:port, or http://user:password@host:port",
                remedy="name an http proxy, or name the hosts that need none in NO_PROXY",
            )
        secret = base64.b64encode(unquote(parsed.auth).encode()).decode() if parsed.auth else ""
        return cls(parsed.host.strip("[]"), parsed.port or 80, f"Basic {secret}" if secret else "")

    @property
    def name(self) -> str:
        """Host and port, as they are shown."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Proxies:
    """The proxies of a set of variables ('http', 'https', 'all', 'no' to their values).

    >>> proxies = Proxies({"http": "proxy:3128", "no": "10.0.0.0/8,.example.org"})
    >>> urls = ["http://a.net/", "https://a.net/", "http://a.example.org/", "http://10.2.3.4/"]
    >>> [proxies.of(parse_url(url)) is not None for url in urls]
    [True, False, False, False]
    """

    variables: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> Proxies:
        """Read the variables of this process."""
        named = urllib.request.getproxies_environment()
        return cls({scheme: value.strip() for scheme, value in named.items() if value.strip()})

    @cached_property
    def _exceptions(self) -> tuple[str, list[ipaddress.IPv4Network | ipaddress.IPv6Network]]:
        names, networks = [], []
        for word in self.variables.get("no", "").split(","):
            name = word.strip().removeprefix("*.") if word.strip() != "*" else "*"
            try:
                networks.append(ipaddress.ip_network(name, strict=False))
            except ValueError:
                names.append(name)
        return "*" if "*" in names else ",".join(names), networks

    def of(self, uri: Url) -> Proxy | None:
        """Return the proxy of a URL; None when it is asked directly. Raises PipelineError when it cannot be used."""
        scheme = uri.scheme or "http"
        variable = scheme if scheme in self.variables else "all"
        address = self.variables.get(variable, "")
        if not address or self._excepted(bare_host(uri), port_of(uri)):
            return None
        return Proxy.read(address, f"{variable.upper()}_PROXY")

    def _excepted(self, host: str, port: int) -> bool:
        names, networks = self._exceptions
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            bypass = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it
            return bool(bypass(f"{host}:{port}", {"no": names}))
        return names == "*" or any(address in network for network in networks)

    def line(self) -> str:
        """Return what is said of the proxies before anything is asked; empty when there are none."""
        used = {}
        for scheme in ("http", "https"):
            variable = scheme if scheme in self.variables else "all"
            if self.variables.get(variable):
                used[scheme] = Proxy.read(self.variables[variable], f"{variable.upper()}_PROXY").name
        if not used or self._exceptions[0] == "*":
            return ""
        named = [f"{', '.join(s for s, n in used.items() if n == name)} by {name}" for name in sorted({*used.values()})]
        return f"hosts are asked through a proxy: {'; '.join(named)}"
