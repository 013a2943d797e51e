"""What a person sees before a run is computed, and at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from harness.records.data_notes import data_notes, encoded_notes
from harness.records.printable import plain

if TYPE_CHECKING:
    from harness.run.run import Outcome, Run

MOST_LABELS = 12
"""So many labels are shown with their counts."""


def show_data(run: Run, *, console: Console | None = None) -> None:
    """Print what the run is about to learn from: rows, the counts of labels, and what to know of them."""
    console = console or Console()
    facts = run.facts
    console.print(f"data: {plain(facts['data_source'])}", markup=False, highlight=False, soft_wrap=True)
    sizes, counts = facts["data_sizes"], facts["label_counts"]
    table = Table(Column("label", overflow="fold"), *(Column(split, justify="right") for split in sizes))
    table.add_row("(rows)", *(f"{size:,}" for size in sizes.values()))
    labels = list(dict.fromkeys(label for split in counts.values() for label in split))
    for label in labels[:MOST_LABELS]:
        table.add_row(Text(plain(label)), *(f"{counts[split].get(label, 0):,}" for split in sizes))
    if len(labels) > MOST_LABELS:
        table.add_row(f"and {len(labels) - MOST_LABELS} less frequent ones")
    console.print(table)
    _show_notes(console, data_notes([facts]))


def _show_notes(console: Console, notes: Sequence[str]) -> None:
    for note in notes:
        console.print(f"note: {plain(note)}", markup=False, highlight=False, soft_wrap=True)


def show_outcome(outcome: Outcome, *, console: Console | None = None) -> None:
    """Print the table of a finished run, or why there is none."""
    console = console or Console()
    record = outcome.record
    title = f"{record['task']} on {record['data']}: model={record['model']} seed={record['seed']}"
    if record["status"] != "done":
        console.print(Text.assemble((record["status"], "bold red"), " ", plain(title)))
        console.print(f"error: {plain(str(record['reason']))}", markup=False, highlight=False, soft_wrap=True)
        if record["status"] == "failed" and outcome.kept:
            console.print(f"(the whole trace: {outcome.folder / 'error.txt'}, or trace=true)", markup=False)
        return
    console.print(_scores_table(record, title))
    console.print(_costs_table(record))
    noted = data_notes([record]) if outcome.found else encoded_notes([record])  # the others were shown before
    _show_notes(console, [*noted, *record.get("attention_notes", ())])
    if record["debug"]:
        console.print("a debug run: its record is marked so and reaches no board", markup=False)
    found = "found, not run again (force=true runs it): " if outcome.found else "record: "
    console.print(f"{found}{outcome.folder / 'record.json'}", markup=False, highlight=False, soft_wrap=True)


def _scores_table(record: Mapping[str, Any], title: str) -> Table:
    table = Table("score on test", "", title=Text(plain(title)), title_justify="left")
    for key, value in sorted(record["scores"].items(), key=lambda item: (item[0] != record["main_score"], item[0])):
        style = "bold" if key == record["main_score"] else ""  # keys hold types of the data, which may be any text
        table.add_row(Text(plain(key), style), Text(f"{value:.4f}", style))
    return table


def _costs_table(record: Mapping[str, Any]) -> Table:
    table = Table("cost", "")
    for name, text in cost_lines(record):
        table.add_row(name, text)
    return table


def _encoder_lines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The costs of a pretrained encoder in words, if there is one."""
    encoder, costs = record.get("encoder"), record.get("costs", {})
    if encoder is None or "encoder" not in costs.get("parameters", {}):
        return []
    parameters, flops = costs["parameters"]["encoder"], costs["encoder_flops_per_token"]
    inside = "counted above" if encoder["fine_tuned"] else f"frozen, once {encoder['seconds']:,.1f} s"
    return [("pretrained encoder", f"{parameters:,} parameters, {flops:,.0f} FLOPs per token ({inside})")]


def cost_lines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The costs of a record in words; a floor has none of the neural ones."""
    costs = record.get("costs", {})
    lines = []
    if {"total", "attention"} <= (parameters := costs.get("parameters", {})).keys():
        lines.append(("parameters", f"{parameters['total']:,} (attention {parameters['attention']:,})"))
        flops = costs.get("flops_per_token")
        lines.append(("FLOPs per token, forward", "not counted" if flops is None else f"{flops:,.0f}"))
        lines += _encoder_lines(record)
    if costs.get("train_seconds") is not None:
        speed = costs.get("train_tokens_per_second")
        lines.append(("training", f"{costs['train_seconds']:.1f} s" + (f" ({speed:,.0f} tokens/s)" if speed else "")))
    if "latency_seconds" in costs:
        lines.append(("latency of one example", f"{1000 * costs['latency_seconds']:.2f} ms"))
    if "process" in costs.get("peak_memory_bytes", {}):
        lines.append(("peak memory of the process", f"{costs['peak_memory_bytes']['process'] / 2**20:,.0f} MiB"))
    chosen_by = record.get("chosen_by", f"validation/{record['main_score']}")
    curve = [point for point in record.get("curves", ()) if {chosen_by, "epoch"} <= point.keys()]
    if curve:
        choose = min if chosen_by.endswith("/loss") else max
        best = choose(curve, key=lambda point: point[chosen_by])
        lines.append((f"best epoch by {chosen_by}", f"{best['epoch']} of {len(record['curves'])}"))
    return lines
