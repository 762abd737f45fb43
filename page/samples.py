"""A phrase comes in, a few clips of it to listen to go out, made in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import streamlit as st

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "watchword", "speak", "--json")
COUNT = 4
LOOK_EVERY_S = 1.0
STATE = "samples"
"""Where the session keeps what it asked for."""


@dataclass
class Sampling:
    """A running or finished `watchword speak`; its answers go to files, so it waits for nobody."""

    phrase: str
    process: subprocess.Popen[bytes]
    answers: IO[bytes]
    complaints: IO[bytes]

    @classmethod
    def start(cls, phrase: str, engines: list[str] | None) -> Sampling:
        """Start it and return at once.

        Raises:
            OSError: The program cannot be started.
        """
        chosen = [f"--engines={','.join(engines)}"] if engines else []
        answers, complaints = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(
            [*COMMAND, f"--count={COUNT}", *chosen, "--", phrase],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=answers, stderr=complaints,
        )  # fmt: skip
        return cls(phrase, process, answers, complaints)

    @property
    def running(self) -> bool:
        """True until it ends."""
        return self.process.poll() is None

    def clips(self) -> list[dict[str, Any]]:
        """Return what was said so far; a line that is half written comes the next time."""
        self.answers.seek(0)
        lines = self.answers.read().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def error(self) -> str:
        """Return what went wrong, "" when nothing did."""
        if self.running or self.process.returncode == 0:
            return ""
        self.complaints.seek(0)
        said = self.complaints.read().decode(errors="replace").strip().splitlines()
        last = said[-1] if said else f"exit code {self.process.returncode}"
        return last.removeprefix("watchword: ")


def offer_samples(phrase: str, engines: list[str] | None) -> None:
    """Let somebody hear the phrase before hours go into it."""
    asked: Sampling | None = st.session_state.get(STATE)
    if asked is None or asked.phrase != phrase:
        st.markdown("Hear how a few voices say it, before a training goes into it.")
        if not st.button("Hear samples", icon=":material/volume_up:", key="samples_start"):
            return
        if asked is not None and asked.running:
            asked.process.terminate()  # its clips so far are kept
        try:
            asked = Sampling.start(phrase, engines)
        except OSError as error:
            st.error(f"No voice could be started: {error}.", icon=":material/build:")
            return
        st.session_state[STATE] = asked
    live = asked.running
    st.fragment(_show, run_every=LOOK_EVERY_S if live else None)(asked, live)


def _show(asked: Sampling, live: bool) -> None:
    if live and not asked.running:
        st.rerun()
    clips = asked.clips()
    for clip in clips:
        who = f"**{clip['engine']}** `{clip['voice']}`"
        path = Path(clip["path"]) if clip["path"] else None
        if path is None or not path.is_file():
            st.markdown(f":material/voice_over_off: {who}: {clip.get('reason', 'is gone')}")
            continue
        with st.container(horizontal=True, vertical_alignment="center", key=f"sample {path.stem}"):
            st.markdown(who, width=220)
            st.audio(
                path.read_bytes(),
                format="audio/flac",
                alt=f"{asked.phrase}, said by {clip['engine']} {clip['voice']}",
            )
    if asked.running:
        st.caption(f":material/hourglass_top: {len(clips)} of {COUNT}: the voices are speaking …")
        return
    if error := asked.error():
        st.error(error, icon=":material/build:")
    elif clips:
        st.caption(
            "Do they say it as you do? If not, write the phrase as it sounds. A training speaks it "
            "in many more voices, and uses these clips too."
        )
