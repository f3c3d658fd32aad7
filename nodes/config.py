"""Where a setting comes from: a flag, else the environment, else a TOML file, else its default.

What is given is checked where it is read, so an error names the flag, the variable or the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import click

from actors.names import parse_extensions
from nodes.addresses import BadAddress, parse_address
from nodes.options import grace_ms, rate_bytes, size_bytes

MAX_SECONDS = 86_400


def setting(flag: str, **attributes: Any) -> Callable[[Any], Any]:
    """An option that the environment has too, under its name in capitals after `GOSSAMER_`."""
    name = flag.removeprefix("--").replace("-", "_").upper()
    return click.option(flag, envvar=f"GOSSAMER_{name}", show_envvar=True, **attributes)


def secret_option(help: str) -> Callable[[Any], Any]:
    """--secret, which is the name of a file, in the environment too: never the secret itself."""
    return click.option(
        "--secret",
        metavar="FILE",
        envvar="GOSSAMER_SECRET_FILE",
        show_envvar=True,
        default=None,
        help=help,
    )


def check_address(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Callback of an option that is `HOST:PORT`. The text stays as it is: which port is meant
    where none is given depends on what it is for."""
    if value:
        try:
            parse_address(value)
        except BadAddress as error:
            raise click.BadParameter(str(error), ctx, param) from error
    return value


def check_addresses(
    ctx: click.Context, param: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Callback of an option that may be repeated, and has commas in the environment."""
    addresses = [part.strip() for text in value for part in text.split(",")]
    return tuple(check_address(ctx, param, address) for address in addresses if address)


def check_seconds(ctx: click.Context, param: click.Parameter, value: float) -> float:
    """Callback of an option that is a time: more than nothing, and no more than a day."""
    if not 0 < value <= MAX_SECONDS:
        raise click.BadParameter(f"{value:g} is not between 0 and {MAX_SECONDS:,}", ctx, param)
    return value


def endpoint_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """--endpoint, of whoever asks nodes."""
    return click.option(
        "--endpoint",
        metavar="HOST:PORT",
        multiple=True,
        callback=check_addresses,
        envvar="GOSSAMER_ENDPOINTS",
        show_envvar=True,
        default=["127.0.0.1:7100"],
        show_default=True,
        help="A node to ask; may be repeated, and has commas in the environment.",
    )(function)


def timeout_option(help: str) -> Callable[[Any], Any]:
    """--timeout, likewise."""
    return click.option(
        "--timeout",
        metavar="SECONDS",
        type=float,
        callback=check_seconds,
        default=5.0,
        show_default=True,
        help=help,
    )


def check_size(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of an option that is a number of bytes, as a text."""
    return _checked(size_bytes, ctx, param, value)


def check_rate(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of an option that is a number of bytes a second, as a text, or 0."""
    return _checked(rate_bytes, ctx, param, value)


def check_grace(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of an option that is a time, as a text."""
    return _checked(grace_ms, ctx, param, value)


def check_extensions(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Callback of an option that says which files are admitted."""
    return _checked(parse_extensions, ctx, param, value)


def _checked(
    read: Callable[[str], object], ctx: click.Context, param: click.Parameter, value: str | None
) -> str | None:
    if value is not None:
        try:
            read(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error
    return value


def read_toml(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Callback of --config: what the file says becomes the default of the command's options.

    Its keys are their names with underscores. Raises UsageError, with the file and the key.
    """
    if not value:
        return
    try:
        with open(value, "rb") as file:
            given = tomllib.load(file)
    except OSError as error:
        raise click.UsageError(f"cannot read {value}: {error.strerror}", ctx) from error
    except ValueError as error:
        raise click.UsageError(f"{value} is not TOML: {error}", ctx) from error
    options = {o.name: o for o in ctx.command.params if isinstance(o, click.Option)}
    del options[param.name]
    for key, item in given.items():
        option = options.get(key)
        if option is None:
            known = ", ".join(sorted(filter(None, options)))
            raise click.UsageError(f"{value}: there is no setting {key!r}, only {known}", ctx)
        _check_type(value, option, item, ctx)
    ctx.default_map = given


def _check_type(file: str, option: click.Option, item: object, ctx: click.Context) -> None:
    if option.is_flag:
        kind, fits = "true or false", isinstance(item, bool)
    elif option.multiple:
        kind = "a list of texts"
        fits = isinstance(item, list) and all(isinstance(part, str) for part in item)
    else:
        kind, fits = "a text", isinstance(item, str)
    if not fits:
        raise click.UsageError(f"{file}: {option.name} is {kind}, not {item!r}", ctx)
    try:
        option.process_value(ctx, item)
    except click.BadParameter as error:
        raise click.UsageError(f"{file}: {option.name}: {error.message}", ctx) from error
