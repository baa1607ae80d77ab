"""How long work shows that it goes on."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def progress_of(things: str, *, quiet: bool) -> Progress:
    """A bar that counts `things`, on standard error, and only where somebody looks: a log gets the summary alone."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(things),
        TimeElapsedColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
    )
