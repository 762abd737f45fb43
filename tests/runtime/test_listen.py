from __future__ import annotations

import json
import signal
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from watchword_runtime import Detection, Detector
from watchword_runtime.__main__ import main
from watchword_runtime.arguments import build_parser
from watchword_runtime.frontend import features
from watchword_runtime.manifest import OperatingPoint
from watchword_runtime.selftest import FP32_TOLERANCE, INT8_TOLERANCE, TOLERANCES


@pytest.fixture
def folder(tiny, tmp_path, bursts):
    golden = tiny.golden(features(bursts))
    return tiny.bundle(tmp_path / "smart_mirror", golden=golden)


def heard(folder, pcm: np.ndarray) -> list[Detection]:
    return Detector.load(folder).stream().process(pcm)


def test_a_wav_file_gives_a_line_for_each_detection(folder, listen, write_wav, bursts):
    expected = heard(folder, bursts)
    done = listen(folder, "--wav", write_wav(bursts))
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert len(lines) == len(expected) == 3
    for line, found in zip(lines, expected, strict=True):
        assert f"{found.time_s:.2f} s  smart mirror  score {found.score:.3f}" in line
    assert "3 detections in 4.0 s (tiny.onnx on onnxruntime, threshold 0.5)" in done.stderr.decode()


def test_wav_and_stdin_give_the_same_json(folder, listen, write_wav, bursts):
    from_wav = listen(folder, "--wav", write_wav(bursts), "--json")
    from_pipe = listen(folder, "--stdin", "--json", stdin=bursts.tobytes())
    assert from_wav.returncode == from_pipe.returncode == 0
    assert from_wav.stdout == from_pipe.stdout
    assert listen.lines(from_wav.stdout) == [
        {"phrase": one.phrase, "time_s": one.time_s, "score": one.score}
        for one in heard(folder, bursts)
    ]


def test_detections_are_printed_while_the_pipe_is_open(folder, listen, bursts):
    with subprocess.Popen(
        [*listen.command, str(folder), "--stdin", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=listen.environment,
    ) as process:
        alarm = threading.Timer(30, process.kill)
        alarm.start()
        process.stdin.write(bursts[: 16_000 * 3 // 2].tobytes())
        process.stdin.flush()
        first = json.loads(process.stdout.readline())  # the pipe is still open
        assert 1.0 < first["time_s"] < 1.4
        assert process.poll() is None
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait() == 0
        alarm.cancel()


def test_a_detection_at_the_very_end_is_not_lost(folder, write_wav, bursts, capsys):
    first = Detector.load(folder).stream().process(bursts)[0]
    pcm = bursts[: round(first.time_s * 16_000) - 1]
    assert Detector.load(folder).stream().process(pcm) == []
    assert main([str(folder), "--wav", str(write_wav(pcm)), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["time_s"] == first.time_s


def test_the_threshold_can_be_set(folder, write_wav, bursts, capsys):
    silence = write_wav(np.zeros(16_000, np.int16))
    assert main([str(folder), "--wav", str(silence)]) == 0
    assert capsys.readouterr().out == ""
    assert main([str(folder), "--wav", str(silence), "--threshold", "0"]) == 0
    assert "smart mirror" in capsys.readouterr().out


def test_a_reader_that_leaves_is_no_error(folder, listen, bursts):
    with subprocess.Popen(
        [*listen.command, str(folder), "--stdin", "--threshold", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=listen.environment,
    ) as process:
        process.stdout.close()
        _, complaints = process.communicate(bursts.tobytes(), timeout=60)
        assert process.returncode == 0
        assert complaints == b""


def test_self_test_passes_and_fails(tiny, folder, tmp_path, bursts, capsys):
    assert main([str(folder), "--self-test"]) == 0
    assert "tiny.onnx on onnxruntime: worst logit error" in capsys.readouterr().out
    golden = tiny.golden(features(bursts), shift=2 * FP32_TOLERANCE)
    wrong = tiny.bundle(tmp_path / "wrong", golden=golden)
    assert main([str(wrong), "--self-test"]) == 1
    assert "FAILED" in capsys.readouterr().out
    assert main([str(wrong), "--self-test", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["passed"] is False
    assert result["worst_logit_error"] == pytest.approx(2 * FP32_TOLERANCE, rel=0.1)
    assert main([str(tiny.zipped(folder)), "--self-test"]) == 0


def test_self_test_allows_by_precision(tiny, tmp_path, bursts, capsys):
    golden = tiny.golden(features(bursts), shift=0.9 * INT8_TOLERANCE)
    files = {"tiny.onnx": tiny.onnx, "tiny.int8.onnx": tiny.onnx}
    folder = tiny.bundle(tmp_path / "bundle", files, golden)
    assert main([str(folder), "--self-test", "--file", "tiny.int8.onnx"]) == 0
    assert main([str(folder), "--self-test", "--file", "tiny.onnx"]) == 1
    assert list(TOLERANCES) == ["fp32", "fp16", "int8"]


def test_self_test_of_one_file_asks_for_the_bundle(tiny, tmp_path, capsys):
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny.onnx)
    assert main([str(path), "--self-test"]) == 2
    assert "pass the bundle's folder or zip" in capsys.readouterr().err


def test_bad_input_is_one_line_and_exit_code_2(folder, tmp_path, listen, write_wav, bursts):
    pdf = tmp_path / "report.wav"
    pdf.write_bytes(b"%PDF-1.7\n" + bytes(5_000))
    sound = write_wav(bursts)
    for arguments, message in [
        ((folder, "--wav", pdf), "report.wav is not a WAV file"),
        ((folder, "--wav", tmp_path / "nowhere.wav"), "nowhere.wav"),
        ((folder, "--wav", tmp_path), "directory"),
        ((tmp_path / "nowhere", "--wav", sound), "There is no bundle"),
        ((pdf, "--wav", sound), "is not a Watchword bundle"),
        ((folder, "--wav", sound, "--threshold", "green lamp=0.5"), "hear 'smart mirror'"),
        ((folder, "--wav", sound, "--sensitivity", "1"), "no operating points"),
        ((folder, "--wav", sound, "--exec", "no-such-program x"), "no program 'no-such-program'"),
        ((folder, "--wav", sound, "--save-detections", pdf), "report.wav"),
        ((folder, "--wav", sound, "--file", "other.onnx"), "choose from tiny.onnx"),
    ]:
        done = listen(*arguments)
        assert done.returncode == 2
        complaint = done.stderr.decode()
        assert message in complaint
        assert complaint.startswith("watchword-listen: ")
        assert len(complaint.splitlines()) == 1
        assert done.stdout == b""


def test_wrong_usage_is_exit_code_2(folder, capsys):
    sound = ["--wav", "x"]
    for arguments in (
        [],
        sound,
        [*sound, "--stdin", str(folder)],
        [str(folder), *sound, "-"],
        [str(folder), *sound, "--device", "x"],
        [str(folder), *sound, "--self-test", "--bench"],
        [str(folder), *sound, "--threshold", "0.5", "--sensitivity", "1"],
        [str(folder), *sound, "--threshold", "2"],
        [str(folder), *sound, "--sensitivity", "nan"],
        [str(folder), *sound, "--refractory", "-1"],
        [str(folder), *sound, "--gate-db", "3"],
        [str(folder), *sound, "--exec-shell"],
        [str(folder), *sound, "--save-limit", "0"],
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
    assert "usage: watchword-listen" in capsys.readouterr().err


def test_a_dash_is_stdin(folder, listen, bursts):
    done = listen(folder, "-", "--json", stdin=bursts.tobytes() + b"\0")
    assert done.returncode == 0
    assert len(listen.lines(done.stdout)) == 3
    assert "middle of a sample" in done.stderr.decode()


def test_garbage_on_stdin_is_heard_as_sound_and_does_no_harm(folder, listen):
    garbage = np.random.default_rng(3).bytes(100_001)
    done = listen(folder, "-", stdin=garbage)
    assert done.returncode == 0
    assert "in 3.1 s" in done.stderr.decode()
    assert listen(folder, "-", stdin=b"").returncode == 0
    refused = listen(folder, "-", stdin=b"RIFF" + garbage)
    assert refused.returncode == 2
    assert "pass it with --wav" in refused.stderr.decode()


def test_several_bundles_hear_the_same_sound(tiny, folder, write_wav, bursts, capsys):
    other = tiny.bundle(folder.parent / "lamp", phrase="green lamp")
    command = [str(folder), str(other), "--wav", str(write_wav(bursts)), "--json"]
    assert main(command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["phrase"] for one in lines] == ["smart mirror", "green lamp"] * 3
    assert main([*command, "--threshold", "1", "--threshold", "green lamp=0.5"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["phrase"] for one in lines] == ["green lamp"] * 3


def test_sensitivity_takes_what_was_measured(tiny, tmp_path, write_wav, bursts, capsys):
    points = tuple(
        OperatingPoint(rate, 2 * rate, threshold, 0.1, "speech", 3.0)
        for rate, threshold in ((2.0, 0.3), (0.5, 0.7))
    )
    folder = tiny.bundle(tmp_path / "measured", operating_points=points)
    command = [str(folder), "--wav", str(write_wav(bursts)), "--sensitivity"]
    for rate, threshold in (("2", 0.3), ("1.9", 0.7), ("smart mirror=9", 0.3)):
        assert main([*command, rate]) == 0
        assert f"threshold {threshold})" in capsys.readouterr().err
    assert main([*command, "0.1"]) == 2
    assert "only at 2, 0.5: choose one of these" in capsys.readouterr().err


def test_the_refractory_time_can_be_set(folder, write_wav, bursts, capsys):
    command = [str(folder), "--wav", str(write_wav(bursts)), "--refractory"]
    for seconds, count in (("0.6", 3), ("1.5", 2), ("60", 1)):
        assert main([*command, seconds]) == 0
        assert len(capsys.readouterr().out.splitlines()) == count


def test_ctrl_c_and_sigterm_end_it_in_order(folder, listen, bursts):
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 0)):
        with subprocess.Popen(
            [*listen.command, str(folder), "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=listen.environment,
        ) as process:
            alarm = threading.Timer(30, process.kill)
            alarm.start()
            process.stdin.write(bursts[: 16_000 * 3 // 2].tobytes())
            process.stdin.flush()
            assert b"smart mirror" in process.stdout.readline()
            process.send_signal(number)
            complaints = process.stderr.read().decode()
            assert process.wait() == code
            assert complaints.startswith("1 detection in ")
            assert "Traceback" not in complaints
            alarm.cancel()


def test_bench_measures_and_compares_the_gate(folder, write_wav, bursts, capsys):
    command = [str(folder), "--bench", "--wav", str(write_wav(bursts)), "--gate", "--json"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert 0 < result["import_cpu_s"] < result["ready_cpu_s"]
    assert 0 < result["step_us_p50"] <= result["step_us_p99"]
    assert result["cpu_s_per_hour"] > 0
    assert result["memory_mb"] > 10
    assert result["gate"]["detections_without"] == 90
    assert result["gate"]["lost"] == 0
    assert main([str(folder), "--bench"]) == 0
    assert "CPU per hour of sound" in capsys.readouterr().out


def test_only_bundles_that_the_key_signed(folder, tmp_path, write_wav, bursts, capsys):
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.generate().public_key()
    key = tmp_path / "key.pub"
    pem = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    key.write_bytes(public.public_bytes(*pem))
    command = [str(folder), "--wav", str(write_wav(bursts)), "--public-key"]
    assert main([*command, str(key)]) == 2
    assert "sign" in capsys.readouterr().err
    assert main([*command, str(tmp_path / "none.pub")]) == 2
    assert "none.pub" in capsys.readouterr().err


def test_every_option_is_documented():
    page = (Path(__file__).parents[2] / "docs/commands/watchword-listen.md").read_text()
    for action in build_parser()._actions:
        assert action.help
        for name in action.option_strings or [action.metavar]:
            assert name in {"-h", "--help"} or f"`{name}" in page, name


def test_no_engine_is_exit_code_3(folder, write_wav, bursts, capsys):
    sound = str(write_wav(bursts))
    assert main([str(folder), "--wav", sound, "--engine", "ai-edge-litert"]) == 3
    assert "choose another engine or file" in capsys.readouterr().err


def test_help_teaches():
    text = build_parser().format_help()
    for word in ("arecord", "exit codes", "0.5 s of silence", "--self-test", "tflite-runtime"):
        assert word in text
