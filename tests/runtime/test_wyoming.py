"""The stock Wyoming client talks to the service, which runs in a process of its own on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("wyoming", reason="needs the extra [wyoming]")

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient, AsyncUnixClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.wake import Detect, Detection, NotDetected

from watchword_runtime import Detector
from watchword_runtime.frontend import SAMPLE_RATE_HZ
from watchword_runtime.listener import Listener
from watchword_runtime.wyoming_client import Listening

PATIENCE_S = 30.0
FORM = {"rate": SAMPLE_RATE_HZ, "width": 2, "channels": 1}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def served(listen, *arguments, uri=None):
    """Run the service until the block ends; SIGTERM must end it by itself and with 0."""
    port = free_port()
    log = []
    command = [sys.executable, "-m", "watchword_runtime.wyoming_service", "--debug"]
    command += ["--uri", uri or f"tcp://127.0.0.1:{port}", *map(str, arguments)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env=listen.environment,
        text=True,
    ) as process:
        try:
            for line in process.stderr:
                log.append(line)
                if "Ready at" in line:
                    break
            assert log, "the service said nothing"
            assert "Ready at" in log[-1], "".join(log)
            yield SimpleNamespace(port=port, log=log, process=process)
            assert process.poll() is None, "the service died"
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                log.extend(process.communicate(timeout=PATIENCE_S)[1].splitlines(keepends=True))
            finally:
                process.kill()
        assert process.returncode == 0
    assert "Traceback" not in "".join(log)


def client(service):
    return AsyncTcpClient("127.0.0.1", service.port, read_timeout=PATIENCE_S)


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 2 * PATIENCE_S))


async def start(connection, names=None):
    await connection.write_event(Detect(names=names).event())
    await connection.write_event(AudioStart(**FORM).event())


async def send(connection, pcm, *, form=FORM, size=1024, first_ms=0, extra_bytes=0):
    """Send `size` samples a chunk, or some bytes more, so that chunks cut samples in two."""
    frame = form["width"] * form["channels"]
    step = size * frame + extra_bytes
    data = pcm.tobytes()
    for at in range(0, len(data), step):
        when = first_ms + at // frame * 1000 // form["rate"]
        chunk = AudioChunk(audio=data[at : at + step], timestamp=when, **form)
        await connection.write_event(chunk.event())


async def stop_and_collect(connection):
    """End the sound; return everything said up to the answer to a ping that follows it."""
    await connection.write_event(AudioStop().event())
    await connection.write_event(Ping(text="done").event())
    events = []
    while True:
        event = await connection.read_event()
        assert event is not None, "the service closed the connection"
        if Pong.is_type(event.type):
            assert Pong.from_event(event).text == "done"
            return events
        events.append(event)


async def hear(service, pcm, names=None, **settings):
    async with client(service) as connection:
        await start(connection, names)
        await send(connection, pcm, **settings)
        return await stop_and_collect(connection)


def detections(events):
    return [Detection.from_event(one) for one in events if Detection.is_type(one.type)]


async def info(service):
    async with client(service) as connection:
        await connection.write_event(Describe().event())
        return Info.from_event(await connection.read_event())


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    bundle = tiny.bundle(folder / "smart_mirror")
    tiny.zipped(bundle)
    tiny.zipped(tiny.bundle(folder / "view_glass", phrase="view glass"))
    shutil.rmtree(folder / "view_glass")
    return folder


@pytest.fixture(scope="module")
def service(folder, listen):
    with served(listen, "--models", folder) as running:
        yield running


def test_describe_tells_of_every_bundle(service, folder):
    (program,) = run(info(service)).wake
    assert (program.name, program.installed, program.version) == ("watchword", True, "0.1.0")
    assert [(one.name, one.phrase, one.languages) for one in program.models] == [
        ("smart_mirror", "smart mirror", ["en"]),
        ("view_glass", "view glass", ["en"]),
    ]
    digest = Detector.load(folder / "smart_mirror").manifest.files[0].sha256
    for model in program.models:
        assert model.installed
        assert model.attribution.name == "Watchword"
        assert model.version == digest[:12]


def test_detections_are_those_of_the_detector_itself(service, folder, bursts):
    expected = Detector.load(folder / "smart_mirror").stream().process(bursts)
    events = run(hear(service, bursts, ["smart_mirror"], first_ms=500))
    found = detections(events)
    assert len(found) == len(events) == len(expected) == 3
    for one, known in zip(found, expected, strict=True):
        assert one.name == "smart_mirror"
        # The timestamp of the chunk that completed it, 64 ms long, on the client's clock.
        assert 0 <= known.time_s * 1000 + 500 - one.timestamp <= 65


def test_only_the_names_asked_for(service, bursts):
    everyone = detections(run(hear(service, bursts)))
    assert {one.name for one in everyone} == {"smart_mirror", "view_glass"}
    # By phrase too, whatever the case: people type these names.
    one = detections(run(hear(service, bursts, ["View Glass"])))
    assert [found.name for found in one] == ["view_glass"] * 3


def test_an_unknown_name_is_an_error_that_lists_the_known(service, bursts):
    events = run(hear(service, bursts, ["okay_computer"]))
    assert [one.type for one in events] == ["error", "not-detected"]
    told = Error.from_event(events[0])
    assert "okay_computer" in told.text
    assert "smart_mirror, view_glass" in told.text


def test_silence_is_not_detected_and_audio_start_begins_anew(service, bursts):
    async def talk():
        async with client(service) as connection:
            results = []
            for pcm in (np.zeros(16_000, np.int16), bursts, bursts, bursts[:8_000]):
                await start(connection, ["smart_mirror"])
                await send(connection, pcm)
                results.append(await stop_and_collect(connection))
            return results

    silent, first, second, early = run(talk())
    assert [one.type for one in silent] == [one.type for one in early] == ["not-detected"]
    assert NotDetected.is_type(silent[0].type)
    assert len(detections(first)) == 3
    assert [one.data for one in first] == [one.data for one in second]


def test_a_phrase_at_the_very_end_is_heard_before_not_detected(service, bursts):
    end = bursts[: int(1.1 * SAMPLE_RATE_HZ)]
    assert len(detections(run(hear(service, end, ["smart_mirror"])))) == 1


def test_a_new_choice_in_the_middle_of_the_sound(service, bursts):
    async def talk():
        async with client(service) as connection:
            await start(connection, ["smart_mirror"])
            await send(connection, bursts[:24_000])
            await connection.write_event(Detect(names=["view_glass"]).event())
            await send(connection, bursts[24_000:])
            return await stop_and_collect(connection)

    assert [one.name for one in detections(run(talk()))] == [
        "smart_mirror",
        "view_glass",
        "view_glass",
    ]


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(16_000, 2, 2), (48_000, 2, 1), (44_100, 4, 2), (8_000, 2, 1), (48_000, 3, 6), (16_000, 1, 1)],
)
def test_sound_of_any_usual_kind(service, bursts, rate, width, channels):
    places = np.arange(int(4 * rate)) * SAMPLE_RATE_HZ / rate
    waveform = np.interp(places, np.arange(len(bursts)), bursts.astype(float))
    wide = (waveform * 2**16).astype("<i4")
    if width == 1:
        data = (wide // 2**24 + 128).astype(np.uint8).reshape(-1, 1)
    else:
        data = wide.view(np.uint8).reshape(-1, 4)[:, 4 - width :]
    data = np.repeat(data, channels, axis=0)
    form = {"rate": rate, "width": width, "channels": channels}
    asked = {"form": form, "size": 333, "extra_bytes": 1}
    found = detections(run(hear(service, data, ["smart_mirror"], **asked)))
    assert [round(one.timestamp / 1000) for one in found] == [1, 2, 3]


def test_clients_at_once_do_not_hear_each_other(service, bursts):
    async def talk():
        quiet = np.zeros(len(bursts), np.int16)
        later = np.concatenate([quiet[:16_000], bursts])
        sounds = [bursts, quiet, later, bursts, quiet, later]
        return await asyncio.gather(*(hear(service, pcm, ["view_glass"]) for pcm in sounds))

    results = run(talk())
    alone = [one.timestamp for one in detections(run(hear(service, bursts, ["view_glass"])))]
    assert len(alone) == 3
    for events, delay_ms in zip(results, (0, None, 1000, 0, None, 1000), strict=True):
        if delay_ms is None:
            assert [one.type for one in events] == ["not-detected"]
        else:
            times = [one.timestamp for one in detections(events)]
            assert np.allclose(times, [when + delay_ms for when in alone], atol=65)


def test_a_client_that_sends_without_a_pause_does_not_hold_up_the_others(service, bursts):
    async def talk():
        async with client(service) as busy, client(service) as other:
            minute = np.tile(bursts, 15)
            await start(busy)
            flood = asyncio.create_task(send(busy, minute, size=len(minute)))
            await other.write_event(Ping(text="now").event())
            answer = await other.read_event()
            await flood
            return answer, await stop_and_collect(busy)

    answer, events = run(talk())
    assert Pong.is_type(answer.type)
    assert len(detections(events)) == 2 * 45


def test_clients_that_leave_in_the_middle_do_no_harm(service, bursts):
    async def leave(abort):
        connection = client(service)
        await connection.connect()
        await start(connection)
        await send(connection, bursts[:20_000])
        # A chunk that is announced and never comes.
        connection._writer.write(b'{"type": "audio-chunk", "payload_length": 4000}\nhalf')
        await connection._writer.drain()
        if abort:
            connection._writer.transport.abort()
        else:
            await connection.disconnect()

    async def talk():
        await asyncio.gather(*(leave(number % 2) for number in range(8)))

    run(talk())
    assert len(detections(run(hear(service, bursts, ["smart_mirror"])))) == 3


GARBAGE = [
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"\x00\xff\xfe" * 1000 + b"\n",
    b"x" * 200_000,
    b"[1, 2]\n",
    b'"text"\n',
    b"{}\n",
    b'{"type": 7}\n',
    b'{"type": "audio-chunk", "payload_length": 99999999999999}\n',
    b'{"type": "audio-chunk", "payload_length": -1}\n',
    b'{"type": "audio-chunk", "data_length": "many"}\n',
    b'{"type": "detect", "data_length": 4}\nnull',
    b'{"type": "detect", "data": {"names": "smart_mirror"}}\n',
    b'{"type": "detect", "data": {"names": [1]}}\n',
    b'{"type": "audio-chunk"}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 2, "channels": 0}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 1e9, "width": 2, "channels": 1}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16001, "width": 2, "channels": 1}}\n',
    b'{"type": "audio-chunk", "data": {"rate": 16000, "width": 9, "channels": 1}}\n',
    b"[" * 60_000 + b"\n",
]


@pytest.mark.parametrize("content", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_costs_the_sender_its_connection_and_nobody_else(service, content):
    with socket.create_connection(("127.0.0.1", service.port), PATIENCE_S) as raw:
        with contextlib.suppress(ConnectionError):
            raw.sendall(content)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while part := raw.recv(4096):
                answer += part
    # The reason, where the client still listens; then the connection is closed.
    assert b'"error"' in answer or not answer
    assert run(info(service)).wake[0].models


def test_unknown_events_and_sound_without_a_start(service, bursts):
    async def talk():
        async with client(service) as connection:
            await connection.write_event(Event("run-pipeline", {"start_stage": "wake"}))
            await connection.write_event(AudioStop().event())
            await send(connection, bursts)
            return await stop_and_collect(connection)

    names = {one.name for one in detections(run(talk()))}
    assert names == {"smart_mirror", "view_glass"}


def test_bundles_come_and_go_while_it_runs(tiny, listen, tmp_path, bursts):
    folder = tmp_path / "models"
    folder.mkdir()
    with served(listen, "--models", folder) as service:
        assert run(info(service)).wake[0].models == []
        assert [one.type for one in run(hear(service, bursts))] == ["not-detected"]

        tiny.bundle(folder / "late")
        assert [one.name for one in run(info(service)).wake[0].models] == ["late"]
        assert len(detections(run(hear(service, bursts, ["late"])))) == 3

        # A copy that is not finished is left out until it is.
        whole = (folder / "late" / "tiny.onnx").read_bytes()
        (folder / "late" / "tiny.onnx").write_bytes(whole[:1000])
        assert run(info(service)).wake[0].models == []
        (folder / "late" / "tiny.onnx").write_bytes(whole)
        assert len(detections(run(hear(service, bursts, ["late"])))) == 3

        shutil.rmtree(folder / "late")
        assert run(info(service)).wake[0].models == []
    assert "truncated" in "".join(service.log)


def test_a_unix_socket(tiny, listen, tmp_path, bursts):
    bundle = tiny.bundle(tmp_path / "smart_mirror")
    path = tmp_path / "wake.sock"
    with served(listen, "--model", bundle, uri=f"unix://{path}"):

        async def talk():
            async with AsyncUnixClient(path, read_timeout=PATIENCE_S) as connection:
                await start(connection)
                await send(connection, bursts)
                return await stop_and_collect(connection)

        assert len(detections(run(talk()))) == 3
    assert not path.exists()


def test_level_refractory_and_threshold(tiny, listen, tmp_path, bursts):
    bundle = tiny.bundle(tmp_path / "smart_mirror")

    def heard(*options):
        with served(listen, "--model", bundle, *options) as service:
            return detections(run(hear(service, bursts)))

    plain = heard()
    patient = heard("--trigger-level", 3)
    assert len(plain) == len(patient) == 3
    assert all(a.timestamp < b.timestamp for a, b in zip(plain, patient, strict=True))
    assert len(heard("--refractory-seconds", 1.5)) == 2
    assert heard("--threshold", 1.0) == []


def test_the_check_prints_the_talk(service, write_wav, bursts, listen):
    command = [sys.executable, "-m", "watchword_runtime.wyoming_check"]
    command += ["--uri", f"tcp://127.0.0.1:{service.port}", "--name", "smart_mirror"]

    def check(wav):
        return subprocess.run(
            [*command, wav], capture_output=True, text=True, env=listen.environment, check=False
        )

    done = check(write_wav(bursts))
    assert done.returncode == 0
    assert "< info watchword 0.1.0: smart_mirror ('smart mirror', en" in done.stdout
    assert "> audio-chunk x 63, 4.00 s" in done.stdout
    assert len(re.findall(r"< detection smart_mirror at \d+ ms", done.stdout)) == 3
    silent = check(write_wav(np.zeros(8_000, np.int16), "silence.wav"))
    assert silent.returncode == 1
    assert "< not-detected" in silent.stdout
    command[3:5] = ["--uri", f"tcp://127.0.0.1:{free_port()}"]
    assert check(write_wav(bursts)).returncode == 2


def test_a_client_is_heard_from_its_first_sample_on(tiny, tmp_path, bursts):
    detector = Detector.load(tiny.bundle(tmp_path / "smart_mirror"))
    at_once = bursts[SAMPLE_RATE_HZ - 1_600 :]
    found = [time_s for _, time_s in Listening({"smart_mirror": detector}).process(at_once)]
    assert len(found) == 3
    assert found == pytest.approx([one.time_s for one in Listener([detector]).hear(at_once)])
