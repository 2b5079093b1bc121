"""The command line of scripts/bench: what is measured, how often, and where the tables go."""
import argparse
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

from . import machine, packages, references, rounds, servers, table
from .program import CLIENT_CORE, adopt_orphans
from .references import ROOT, TARGET
from .scenarios import ALL


def main(usage):
    scenarios = "\n".join(f"{each.name:20} {each.does}" for each in ALL)
    options = arguments(usage.replace("SCENARIOS", scenarios))
    chosen = [each for each in ALL if not options.scenario or each.name in options.scenario]
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: sys.exit(128 + number))  # every `with` ends what it started
    adopt_orphans()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # the servers inherit it
    missing = packages.missing(options.only)
    if missing and options.install:
        packages.install(missing)
    elif missing:
        print(f"scripts/bench: missing: {' '.join(missing)}; --install installs them", file=sys.stderr)
    if options.install and references.WEBSOCAT in (options.only or [references.WEBSOCAT]):
        why = references.install_websocat()
        if why:
            print(f"scripts/bench: websocat: {why}", file=sys.stderr)
    build(options)
    os.sched_setaffinity(0, {CLIENT_CORE})
    with tempfile.TemporaryDirectory(prefix="swb-bench-") as scratch:
        options.scratch = pathlib.Path(scratch)
        run(options, chosen)


def arguments(usage):
    parser = argparse.ArgumentParser(usage="scripts/bench [OPTION ...] [SCENARIO ...]; see --help", add_help=False)
    parser.add_argument("scenario", nargs="*")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("--rounds", type=positive(int), default=9)
    parser.add_argument("--seconds", type=positive(float), default=1.0)
    parser.add_argument("--gigabytes", type=positive(float), default=4.0)
    parser.add_argument("--only", type=names, default=[])
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--swb", type=pathlib.Path)
    parser.add_argument("--install", action="store_true")
    options = parser.parse_args()
    if options.help:
        print(usage.strip())
        sys.exit()
    for kind, asked, known in [
        ("scenario", options.scenario, [each.name for each in ALL]),
        ("server", options.only, [server.name for server in servers.SERVERS]),
    ]:
        for name in asked:
            if name not in known:
                sys.exit(f"scripts/bench: there is no {kind} {name}; there are: {' '.join(known)}")
    return options


def positive(kind):
    def parse(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise ValueError
        return value

    parse.__name__ = "number above 0"
    return parse


def names(text):
    return text.split(",")


def build(options):
    """`swb` as its sources are now, unless another is named."""
    if options.swb:
        options.swb = options.swb.resolve()
        return
    if subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "swb"], cwd=ROOT).returncode != 0:
        sys.exit("scripts/bench: swb was not built")
    options.swb = TARGET / "release/swb"


def run(options, chosen):
    """Measures one scenario after the other; each table is printed when it is whole."""
    told = machine.described(options)
    print("\n".join(machine.head(told)))
    results = []
    for scenario in chosen:
        rows = scenario.rows(options)
        if not rows:
            continue  # none of the servers that are wanted plays a part in it
        count = min(options.rounds, scenario.rounds_max)
        found = rounds.measure(scenario.name, rows, count)
        print(f"\n### {scenario.title}\n\n    scripts/bench {scenario.name}{spoken(options, scenario, count)}\n")
        print("\n".join(table.render(scenario.first, scenario.columns, rows, found)), flush=True)
        results.append({"name": scenario.name, "rounds": [each._asdict() for each in found]})
    if options.json:
        options.json.write_text(json.dumps({"machine": told, "scenarios": results}, indent=1) + "\n")


def spoken(options, scenario, count):
    """The options that give such a table again."""
    words = ["", f"--rounds {count}"]
    if scenario.bounded_by:
        words.append(f"--{scenario.bounded_by} {getattr(options, scenario.bounded_by):g}")
    if options.only:
        words.append(f"--only {','.join(options.only)}")
    return " ".join(words)
