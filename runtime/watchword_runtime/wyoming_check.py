"""The command `python -m watchword_runtime.wyoming_check`: a service and a recording in, talk out.

It speaks to any Wyoming wake word service with the client of the `wyoming` package, as Home
Assistant does, and prints every event that goes either way.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING

try:
    from wyoming.audio import AudioChunk, AudioStart, AudioStop
    from wyoming.client import AsyncClient
    from wyoming.info import Describe, Info
    from wyoming.wake import Detect, Detection, NotDetected
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        'the package wyoming is missing: pip install "watchword-runtime[wyoming]".', name="wyoming"
    ) from error

from watchword_runtime.audio import read_wav
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.wyoming_address import DEFAULT_URI, Tcp, parse_uri

if TYPE_CHECKING:
    from wyoming.event import Event

    from watchword_runtime.frontend import Pcm

CHUNK_SAMPLES = 1024
"""64 ms, about what a satellite sends at once."""

EXIT_HEARD, EXIT_NOT_HEARD, EXIT_BAD_INPUT = 0, 1, 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the check."""
    parser = argparse.ArgumentParser(
        prog="python -m watchword_runtime.wyoming_check",
        description="Talk to a Wyoming wake word service and print what is said.",
        epilog=f"exit codes: {EXIT_HEARD} a wake word was heard, {EXIT_NOT_HEARD} none was, "
        f"{EXIT_BAD_INPUT} the service or the recording is not to be had.",
    )
    parser.add_argument("wav", metavar="WAV", help="a recording to send, any usual WAV file")
    parser.add_argument("--uri", default=DEFAULT_URI, help="where it is; default: %(default)s")
    parser.add_argument(
        "--name",
        action="append",
        metavar="NAME",
        help="ask for this wake word; may be given several times; default: any",
    )
    parser.add_argument(
        "--realtime",
        action="store_true",
        help="send as fast as people speak",
    )
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="S", help="give up after; default: 30 s"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line on `argv` (default: the process's) and return the exit code."""
    arguments = build_parser().parse_args(argv)
    try:
        pcm = read_wav(arguments.wav)
        talk = _talk(arguments.uri, pcm, arguments.name, realtime=arguments.realtime)
        return asyncio.run(asyncio.wait_for(talk, arguments.timeout))
    except asyncio.TimeoutError:
        return _complain(f"{arguments.uri} did not answer within {arguments.timeout:g} s.")
    except (ValueError, OSError) as error:
        return _complain(str(error))


async def _talk(uri: str, pcm: Pcm, names: list[str] | None, *, realtime: bool) -> int:
    place = parse_uri(uri)
    full = f"tcp://{place.host}:{place.port}" if isinstance(place, Tcp) else uri
    heard = False
    async with AsyncClient.from_uri(full) as client:
        _say(">", "describe")
        await client.write_event(Describe().event())
        await _until_info(client)
        _say(">", f"detect {', '.join(names) if names else 'any'}")
        await client.write_event(Detect(names=names).event())
        # What is heard may be told before all is sent: both go on at once.
        _, heard = await asyncio.gather(_send(client, pcm, realtime=realtime), _until_info(client))
    return EXIT_HEARD if heard else EXIT_NOT_HEARD


async def _send(client: AsyncClient, pcm: Pcm, *, realtime: bool) -> None:
    form = {"rate": SAMPLE_RATE_HZ, "width": 2, "channels": 1}
    _say(">", f"audio-start {SAMPLE_RATE_HZ} Hz, 16 bit, mono")
    await client.write_event(AudioStart(timestamp=0, **form).event())
    starts = range(0, len(pcm), CHUNK_SAMPLES)
    for start in starts:
        audio = pcm[start : start + CHUNK_SAMPLES].astype("<i2").tobytes()
        chunk = AudioChunk(audio=audio, timestamp=start * 1000 // SAMPLE_RATE_HZ, **form)
        await client.write_event(chunk.event())
        if realtime:
            await asyncio.sleep(CHUNK_SAMPLES / SAMPLE_RATE_HZ)
    _say(">", f"audio-chunk x {len(starts)}, {len(pcm) / SAMPLE_RATE_HZ:.2f} s")
    _say(">", "audio-stop")
    await client.write_event(AudioStop().event())
    # Every service answers this, whether it heard something or not: then all has been said.
    _say(">", "describe")
    await client.write_event(Describe().event())


async def _until_info(client: AsyncClient) -> bool:
    """Print the service's events up to an info; return whether there was a detection."""
    heard = False
    while True:
        event = await client.read_event()
        if event is None:
            raise ConnectionError("the service closed the connection.")
        _say("<", _told(event))
        heard = heard or Detection.is_type(event.type)
        if Info.is_type(event.type):
            return heard


def _told(event: Event) -> str:
    if Info.is_type(event.type):
        lines = [
            f"{program.name} {program.version}: "
            + (
                ", ".join(
                    f"{model.name} ({model.phrase!r}, {' '.join(model.languages)}, "
                    f"version {model.version})"
                    for model in program.models
                )
                or "no wake words"
            )
            for program in Info.from_event(event).wake
        ]
        return f"info {'; '.join(lines) or 'without a wake word service'}"
    if Detection.is_type(event.type):
        found = Detection.from_event(event)
        return f"detection {found.name} at {found.timestamp} ms"
    if NotDetected.is_type(event.type):
        return "not-detected"
    return f"{event.type} {event.data or ''}"


def _say(direction: str, text: str) -> None:
    sys.stdout.write(f"{direction} {text}\n")
    sys.stdout.flush()


def _complain(text: str) -> int:
    sys.stderr.write(f"wyoming_check: {text}\n")
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
