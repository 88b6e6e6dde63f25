"""`biomill completion SHELL`: the lines by which a shell completes commands, options and their values."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator

from pipeline.commands.options.arguments import Parser

SHELLS = ("bash", "zsh", "fish")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "completion",
        help="print what makes a shell complete commands and options",
        description='bash: eval "$(biomill completion bash)" in ~/.bashrc\n'
        'zsh:  eval "$(biomill completion zsh)" in ~/.zshrc, behind compinit\n'
        "fish: biomill completion fish > ~/.config/fish/completions/biomill.fish",
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that is to complete")
    parser.set_defaults(lines=lines, for_programs=True)


def lines(args: argparse.Namespace) -> Iterator[str]:
    """Yield the script of the shell."""
    from argcomplete.shell_integration import shellcode

    yield str(shellcode(["biomill"], shell=args.shell)).removesuffix("\n")


def asked_by_shell() -> bool:
    """Return whether a shell asks for completions, and nobody typed the command."""
    return "_ARGCOMPLETE" in os.environ


def answer_shell(parser: Parser) -> None:
    """Answer a shell that asks for completions, and end; do nothing where none asks."""
    if asked_by_shell():
        import argcomplete

        Parser.completing = True
        argcomplete.autocomplete(parser)
