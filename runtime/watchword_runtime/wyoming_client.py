"""The events of one Wyoming client in, what the service knows and hears for it out."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import TYPE_CHECKING, Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import async_write_event
from wyoming.info import Attribution, Describe, Info, WakeModel, WakeProgram
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.wake import Detect, Detection, NotDetected

from watchword_runtime import __version__
from watchword_runtime.detector import Detector, FrameStream
from watchword_runtime.errors import AudioError, ModelError
from watchword_runtime.frontend import SAMPLE_RATE_HZ, FrontEnd, Pcm
from watchword_runtime.listener import FLUSH_S
from watchword_runtime.wyoming_events import ProtocolError, read_event
from watchword_runtime.wyoming_sound import ClientSound, PcmFormat

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wyoming.event import Event, Eventable

    from watchword_runtime.wyoming_models import Models

logger = logging.getLogger(__name__)

PROGRAM = "watchword"
_TURN_SAMPLES = SAMPLE_RATE_HZ // 4
"""After so much sound the other clients have their turn."""

_numbers = itertools.count(1)


class Client(AsyncEventHandler):
    """One connection: its own sound and streams; the networks are shared with the others."""

    def __init__(
        self, models: Models, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._models = models
        self._name = f"client {next(_numbers)}"
        self._wanted: list[str] = []
        self._listening: Listening | None = None

    async def run(self) -> None:
        """Answer the client until it leaves; nothing that it sends gets further than this."""
        logger.debug("%s is here.", self._name)
        try:
            while True:
                event = await read_event(self.reader)
                if event is None:
                    break
                await self.handle_event(event)
                await asyncio.sleep(0)  # a client that sends without a pause waits for the others
        except (ProtocolError, AudioError, ModelError) as error:
            logger.warning("%s is sent away: %s", self._name, error)
            await self._refuse(error)
        except (ConnectionError, EOFError) as error:
            logger.debug("%s broke off: %s", self._name, error)
        except Exception:  # a fault of ours costs this client its connection, not the service
            logger.exception("%s is sent away after a fault of this program.", self._name)
        finally:
            self.writer.close()
            logger.debug("%s has gone.", self._name)

    async def handle_event(self, event: Event) -> bool:
        """Do what one event asks for.

        Raises:
            AudioError: the sound is of a kind that is not heard.
            ProtocolError: the event lacks what its type needs.
            ModelError: a model gave a logit that is not finite.
        """
        if AudioChunk.is_type(event.type):
            await self._hear(event)
        elif Describe.is_type(event.type):
            await self._send(describe(self._models.now()))
        elif Detect.is_type(event.type):
            await self._select(event.data.get("names"))
        elif AudioStart.is_type(event.type):
            self._start()
        elif AudioStop.is_type(event.type):
            await self._stop()
        elif Ping.is_type(event.type):
            await self._send(Pong(text=Ping.from_event(event).text))
        else:
            logger.debug("%s sent %s, which is nothing to us.", self._name, event.type)
        return True

    async def _select(self, names: Any) -> None:
        if names is not None and not (
            isinstance(names, list) and all(isinstance(name, str) for name in names)
        ):
            raise ProtocolError(f"detect with the names {names!r}; a list of texts is needed")
        self._wanted = names or []
        here = self._models.now()
        missing = [name for name in self._wanted if _find(name, here) is None]
        if missing:
            text = f"no detector for {', '.join(missing)}: there is {', '.join(here) or 'none'}"
            logger.warning("%s asked: %s", self._name, text)
            await self._send(Error(text=text, code="unknown-wake-word"))
        if self._listening:
            self._start()

    def _start(self) -> None:
        """Begin a new stream, with the detectors that lie there now."""
        here = self._models.now()
        names = [_find(name, here) for name in self._wanted] if self._wanted else list(here)
        chosen = {name: here[name] for name in names if name is not None}
        self._listening = Listening(chosen)
        logger.debug("%s listens for %s.", self._name, ", ".join(chosen) or "nothing")

    async def _hear(self, event: Event) -> None:
        if self._listening is None:
            self._start()
        assert self._listening is not None
        layout = PcmFormat.from_dict(event.data)
        pcm = self._listening.sound.process(event.payload or b"", layout)
        await self._feed(pcm, event.data.get("timestamp"))

    async def _stop(self) -> None:
        """Hear out what was said at the very end, then say if there was nothing."""
        if self._listening is None:
            return
        await self._feed(self._listening.sound.flush(FLUSH_S), None)
        if not self._listening.detections:
            await self._send(NotDetected())
        self._listening = None

    async def _feed(self, pcm: Pcm, timestamp_ms: Any) -> None:
        listening = self._listening
        assert listening is not None
        for start in range(0, len(pcm), _TURN_SAMPLES):
            for name, time_s in listening.process(pcm[start : start + _TURN_SAMPLES]):
                # The client's own clock where it has one, else the time since its sound began.
                when_ms = timestamp_ms if isinstance(timestamp_ms, int) else round(time_s * 1000)
                logger.info("%s: %s at %d ms", self._name, name, when_ms)
                await self._send(Detection(name=name, timestamp=when_ms))
            await asyncio.sleep(0)

    async def _send(self, event: Eventable) -> None:
        await async_write_event(event.event(), self.writer)

    async def _refuse(self, error: Exception) -> None:
        try:
            await self._send(Error(text=str(error), code="refused"))
        except (ConnectionError, EOFError):
            logger.debug("%s did not wait for the reason.", self._name)


class Listening:
    """One stretch of sound, from audio-start to audio-stop; one front end for all detectors."""

    def __init__(self, detectors: Mapping[str, Detector]) -> None:
        self.sound = ClientSound()
        self.detections = 0
        self._front_end = FrontEnd()
        silent = self._front_end.settle()
        self._streams = {name: FrameStream(one, silent) for name, one in detectors.items()}

    def process(self, pcm: Pcm) -> list[tuple[str, float]]:
        """Take int16 [samples]; return name and time in s of the detections that they complete."""
        frames = self._front_end.process(pcm)
        found = [
            (name, one.time_s)
            for name, stream in self._streams.items()
            for one in stream.advance(frames)[1]
        ]
        self.detections += len(found)
        return sorted(found, key=lambda one: one[1])


def describe(detectors: Mapping[str, Detector]) -> Info:
    """Return what Wyoming clients are told of the service and its detectors."""
    attribution = Attribution(name="Watchword", url="")
    models = [
        WakeModel(
            name=name,
            phrase=one.manifest.phrase,
            description=one.manifest.phrase,
            languages=[one.manifest.language],
            attribution=attribution,
            installed=True,
            version=_model_version(one),
        )
        for name, one in detectors.items()
    ]
    program = WakeProgram(
        name=PROGRAM,
        description="Wake words made with Watchword",
        attribution=attribution,
        installed=True,
        version=__version__,
        models=models,
    )
    return Info(wake=[program])


def _model_version(detector: Detector) -> str | None:
    """Return the start of the model file's hash; a file without a bundle has none."""
    hashes = [one.sha256 for one in detector.manifest.files if one.file == detector.file]
    return hashes[0][:12] if hashes else None


def _find(name: str, detectors: Mapping[str, Detector]) -> str | None:
    """Return the detector of that name or phrase; case, spaces and underscores do not matter."""
    wanted = _plain(name)
    for key, one in detectors.items():
        if wanted in (_plain(key), _plain(one.manifest.phrase)):
            return key
    return None


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").split())
