"""A prompt for questions: lines until a semicolon, errors that do not end it, and a few words that begin with a dot."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from manifests import BiomillError
from pipeline.catalog import Asked, ask
from pipeline.model.visible import visible
from pipeline.query.ask import allowed, answer, parsed
from pipeline.query.formats import FORMATS
from pipeline.query.running import Runner, runner
from pipeline.query.statements import is_blank, is_whole
from pipeline.storage.places import Place
from pipeline.storage.standing import stand
from pipeline.storage.statements import Statements

logger = logging.getLogger("biomill")
HELP = """SQL            ends with a semicolon, over as many lines as it takes
.tables        views, tables and macros, and what they hold
.schema NAME   columns of a view, and what they hold; without a name those of all
.format NAME   table, box, csv, json, jsonl or markdown
.help          this
.quit          end (also \\q and Ctrl-D)"""
_SQL = Statements(__name__)


def prompt(
    root: Place, form: str, write: bool, room: Callable[[], int | None], say: Callable[[str], None] = print
) -> int:
    """Ask and answer until the end of the input; return the exit status, which an error of a question leaves at 0.

    `room`: gives the width of the terminal, which may change. Ctrl-C ends a question, or what is typed of one, and not
    the prompt. Raises RunError when the folder is not one of a run.
    """
    with _Session(root, write) as session, _line_editing(session):
        say(f"{root}: ask in SQL, each question with a semicolon at its end; .tables, .help, .quit")
        for note in session.asked.notes():
            say(visible(note))
        text = ""
        while True:
            try:
                line = input("...> " if text else "sql> ")
            except EOFError:
                say("")
                return 0
            except KeyboardInterrupt:
                say("")
                text = ""
                continue
            if not text and line.strip() in (".quit", ".exit", "\\q"):
                return 0
            try:
                if not text and line.lstrip().startswith("."):
                    form = _word(session, line.split(), form, room, say)
                    continue
                text = f"{text}\n{line}" if text else line
                if is_blank(text):
                    text = ""
                elif is_whole(text):
                    asked_for, text = text, ""
                    _tell(session, asked_for, form, room(), say)
            except BiomillError as error:
                say(visible(f"biomill: {error}"))
            except KeyboardInterrupt:
                say("biomill: interrupted")


class _Session:
    """The catalog, opened anew when the run has moved on since the last question."""

    def __init__(self, root: Place, write: bool) -> None:
        self._root, self.write = root, write
        self._held = ExitStack()
        self.asked: Asked
        self.run: Runner

    def __enter__(self) -> _Session:
        self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _open(self) -> None:
        with ExitStack() as stack:
            self.asked = stack.enter_context(ask(self._root, self.write))
            self.run = stack.enter_context(runner(self.asked.con))
            # The one before is left when the new one stands, so that there is always one.
            self._held.close()
            self._held = stack.pop_all()

    def refresh(self) -> Iterator[str]:
        """Look at the run again; yield what is to be known of it when it has moved on."""
        if self.asked.standing.complete or stand(self.asked.standing.folder) == self.asked.standing:
            return
        self._open()
        yield from self.asked.notes()


def _tell(session: _Session, text: str, form: str, room: int | None, say: Callable[[str], None]) -> None:
    for note in session.refresh():
        say(visible(note))
    statements = parsed(session.asked, text)
    allowed(statements, session.write)
    for statement in statements:
        for line in answer(session.asked, session.run, statement, form, room):
            say(visible(line))


def _word(
    session: _Session, words: list[str], form: str, room: Callable[[], int | None], say: Callable[[str], None]
) -> str:
    """Do what a line with a dot says; return the format from now on."""
    name = words[1].removesuffix(";") if len(words) > 1 else ""
    if words[0] == ".tables":
        _tell(session, _SQL("tables"), "table", room(), say)
        for absent, stage in session.asked.absent.items():
            say(f"{absent} is made by stage {stage}, and not there yet")
    elif words[0] == ".schema":
        error = session.asked.why_absent(name)
        if error is not None:
            raise error
        which = "" if not name else "AND lower(table_name) = lower('{}')".format(name.replace("'", "''"))
        _tell(session, _SQL("columns", which=which), "table", room(), say)
    elif words[0] == ".format" and name in FORMATS and name != "parquet":
        return name
    else:
        say(HELP)
    return form


@contextmanager
def _line_editing(session: _Session) -> Iterator[None]:
    """Edit lines with history and completion of names, where Python has readline."""
    try:
        import readline
    except ImportError:
        yield
        return
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    path = state / "biomill" / "sql_history"
    try:
        readline.read_history_file(path)
    except OSError:
        readline.clear_history()
    readline.set_completer(_completer(session))
    readline.set_completer_delims(" \t\n,();=<>\"'")
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        readline.set_completer(None)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.set_history_length(1_000)
            readline.write_history_file(path)
        except OSError:
            logger.debug("the history of questions cannot be kept in %s", path)


def _completer(session: _Session) -> Callable[[str, int], str | None]:
    found: list[str] = []

    def complete(text: str, number: int) -> str | None:
        nonlocal found
        if number == 0:
            start, dot, word = text.rpartition(".")
            found = [f"{start}{dot}{name}" for name in names(session.asked) if name.lower().startswith(word.lower())]
        return found[number] if number < len(found) else None

    return complete


def names(asked: Asked) -> list[str]:
    """Return the names of all views, columns and macros that are there, in order, each once."""
    rows = asked.con.execute(_SQL("names")).fetchall()
    return [name for (name,) in rows]
