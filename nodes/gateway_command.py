"""`gossamer gateway` and `gossamer token`: HTTP for a network, and who may use it."""

from __future__ import annotations

import sys

import click

from actors.errors import GossamerError, Refused
from nodes.addresses import is_loopback, parse_address
from nodes.config import check_address, endpoint_option, secret_option, setting, timeout_option
from nodes.output import Output, json_option

DEFAULT_PORT = 8_080
IN_THE_CLEAR = (
    "tokens, and all that is asked and answered, can be read on the way: let a proxy that speaks "
    "TLS be the only one who reaches this port, or give --tls-cert and --tls-key"
)
EXTRA = "the gateway needs more than was installed: pip install 'gossamer[http]'"


@click.command()
@setting(
    "--listen",
    metavar="HOST:PORT",
    callback=check_address,
    default=f"127.0.0.1:{DEFAULT_PORT}",
    show_default=True,
    help="Where HTTP is spoken; port 0 picks a free one.",
)
@endpoint_option
@timeout_option("How long to wait for the nodes; for files, the time without progress.")
@secret_option(
    "The network's secret: everybody's token is taken then. Or a client's key: its token alone."
)
@click.option(
    "--token-needed",
    is_flag=True,
    help="Want a token on this machine too.",
)
@click.option(
    "--insecure",
    is_flag=True,
    help="Listen beyond loopback without tokens: let whoever reaches the gateway read and write "
    "everything.",
)
@click.option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="A name that browsers may call the gateway by, where no token is needed.",
)
@click.option(
    "--tls-cert", metavar="FILE", default=None, help="Speak HTTPS, with this certificate."
)
@click.option("--tls-key", metavar="FILE", default=None, help="The certificate's key.")
@click.pass_obj
def gateway(
    output: Output,
    /,
    listen: str,
    endpoint: tuple[str, ...],
    timeout: float,
    secret: str | None,
    token_needed: bool,
    insecure: bool,
    allow_host: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
) -> None:
    """Speak HTTP for a network, until SIGTERM or Ctrl-C: an API, and a page with the ring.

    Beyond loopback it wants bearer tokens, and so the network's --secret; the token of a key is
    printed by `gossamer token`.

    \b
    Examples:
      gossamer gateway
      gossamer gateway --endpoint 10.0.0.5:7100 --endpoint 10.0.0.6:7100
      gossamer gateway --listen 0.0.0.0:8080 --secret gossamer.secret
    """
    from nodes.secret_file import read_held

    at = parse_address(listen, DEFAULT_PORT)
    held = None if secret is None else read_held(secret)
    needs_token = (token_needed or not is_loopback(at.host)) and not insecure
    if needs_token and held is None:
        raise click.UsageError(
            f"{at.host} can be reached from other machines: give the network's --secret, so that "
            "tokens are wanted, or say --insecure to let whoever reaches it do everything"
            if not is_loopback(at.host)
            else "tokens are made of keys: give the network's --secret"
        )
    if insecure and token_needed:
        raise click.UsageError("--insecure and --token-needed contradict each other")
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together")
    try:
        from nodes.web.server import serve
    except ModuleNotFoundError as error:
        raise GossamerError(EXTRA) from error
    from nodes.gateway import Gateway
    from nodes.logs import open_log
    from nodes.web.access import Rules

    rules = Rules(needs_token, ("*",) if insecure else allow_host)
    log = open_log(None, "gateway", "info", sys.stderr)
    made = Gateway(endpoint, timeout_s=timeout, held=held, rules=rules, log=log)
    tls = (tls_cert, tls_key) if tls_cert and tls_key else None
    if needs_token and tls is None and not is_loopback(at.host):
        log.events.warning("not_encrypted", reason=IN_THE_CLEAR)
    serve(made.app, at, log, tls, made.end_streams)


@click.command()
@secret_option("The secret, or the key of a client, whose token is wanted.")
@click.option(
    "--fingerprint",
    metavar="DIGITS",
    default=None,
    help="Only the token that comes of the secret with this fingerprint, where FILE has several.",
)
@json_option
@click.pass_obj
def token(output: Output, /, secret: str | None, fingerprint: str | None) -> None:
    """Print the bearer token of a key, for a gateway that wants one.

    It may do what the key may. Keep it as the key: it is refused when that is denied.

    While a network changes its secret a file has several lines: then there is a token for each, one
    a line in their order, and stderr tells of which secret each comes. A gateway takes those of all
    secrets that it was given.

    \b
    Examples:
      curl -H "Authorization: Bearer $(gossamer token --secret phone.key)" https://10.0.0.5:8080/v1/kv
      gossamer token --secret phone.key --fingerprint 882b639d991a9ad7
    """
    if secret is None:
        raise click.UsageError("name the file with the key: --secret FILE")
    from nodes.web.tokens import tokens_of

    tokens = tokens_of(secret)
    known = ", ".join(tokens)
    if fingerprint is not None:
        if fingerprint not in tokens:
            raise Refused(f"{secret} has nothing of a secret with that fingerprint, but of {known}")
        tokens = {fingerprint: tokens[fingerprint]}
    for of, made in tokens.items():
        if output.as_json:
            output.object({"token": made, "fingerprint": of})
        else:
            output.text(made)
    if len(tokens) > 1 and not output.as_json:
        output.flush()
        output.note(
            f"gossamer: {secret} has {len(tokens)} lines, so these are {len(tokens)} tokens, in "
            f"the same order, of secrets with the fingerprints {known}; --fingerprint picks one",
            {},
        )
