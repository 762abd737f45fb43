from __future__ import annotations

import json
import subprocess
import threading

import numpy as np
import pytest

from watchword_runtime import Detector
from watchword_runtime.__main__ import build_parser, main
from watchword_runtime.frontend import features
from watchword_runtime.selftest import FP32_TOLERANCE, INT8_TOLERANCE, TOLERANCES


@pytest.fixture
def folder(tiny, tmp_path, bursts):
    golden = tiny.golden(features(bursts))
    return tiny.bundle(tmp_path / "smart_mirror", golden=golden)


def test_a_wav_file_gives_a_line_for_each_detection(folder, listen, write_wav, bursts):
    expected = Detector.load(folder).stream().process(bursts)
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
    found = Detector.load(folder).stream().process(bursts)
    assert listen.lines(from_wav.stdout) == [
        {"phrase": one.phrase, "time_s": one.time_s, "score": one.score} for one in found
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
        ((folder, "--wav", sound, "--threshold", "2"), "from 0 to 1"),
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
    for arguments in ([], [str(folder)], [str(folder), "--wav", "x", "--stdin"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 2
    assert "usage: watchword-listen" in capsys.readouterr().err


def test_no_engine_is_exit_code_3(folder, write_wav, bursts, capsys):
    sound = str(write_wav(bursts))
    assert main([str(folder), "--wav", sound, "--engine", "ai-edge-litert"]) == 3
    assert "choose another engine or file" in capsys.readouterr().err


def test_help_teaches():
    text = build_parser().format_help()
    for word in ("arecord", "exit codes", "0.5 s of silence", "--self-test", "tflite-runtime"):
        assert word in text
