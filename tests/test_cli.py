"""The command line as a newcomer meets it. Oracle: the exit statuses and the names that users were promised."""

from __future__ import annotations

import json
import math
import re
import signal
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

from planted import scenery, with_disc
from seehear.io.files import whole_folder

Run = Callable[..., tuple[int, str, str]]


QUICK = ("--seconds", "0.5", "--rate", "16000", "--say", "dog")


def test_the_newcomers_command(run: Run, photo: Path) -> None:
    """`seehear spatialize photo` makes ./NAME-seehear and says what is heard where."""
    status, out, _ = run("spatialize", photo, *QUICK)
    assert status == 0
    assert "dog" in out and "wrote" in out
    folder = Path(f"{photo.stem}-seehear")
    assert {p.name for p in folder.iterdir()} == {
        f"{photo.stem}.5.1.wav", f"{photo.stem}.binaural.wav", f"{photo.stem}.mp4", f"{photo.stem}.png",
        f"{photo.stem}.seehear.json", "scene.json", "stems",
    }  # fmt: skip
    status, _, err = run("spatialize", photo, *QUICK)
    assert status == 2 and "--force" in err
    assert run("spatialize", photo, *QUICK, "--force")[0] == 0


def test_json_is_one_object(run: Run, photo: Path) -> None:
    """stdout is one JSON object with the promised keys, progress is on stderr."""
    status, out, err = run("spatialize", photo, *QUICK, "-o", "a.wav", "--json")
    report = json.loads(out)
    assert status == 0
    assert {"sources", "files", "seconds", "models"} <= report.keys()
    assert {"label", "score", "azimuth_deg", "elevation_deg", "distance_m", "box"} <= report["sources"][0].keys()
    assert report["files"] == ["a.wav"]
    assert all({"name", "licence"} <= model.keys() for model in report["models"])
    assert "rendering" in err


def test_render_version_and_concepts(run: Run, photo: Path) -> None:
    """The small commands answer on stdout."""
    assert run("spatialize", photo, *QUICK, "--scene", "s.json")[0] == 0
    status, out, _ = run("render", "s.json", "-o", "ambi.wav", "--layout", "foa")
    assert status == 0 and "foa" in out
    assert soundfile.info("ambi.wav").channels == 4
    assert re.fullmatch(r"seehear \d+\.\d+\.\d+\n", run("--version")[1])
    listed = run("concepts")[1]
    assert len(listed.splitlines()) >= 24 and "chainsaw" in listed


def test_every_promised_flag_exists(run: Run) -> None:
    """The promised names of flags, as the help shows them."""
    promised = """-o --layout --seconds --sources --say --object --models --fov --equirectangular --room --seed --rate --loudness
    --video --scene --stems --figure --keep-audio --force --json --dry-run --debug --near --far --video-layout"""
    import typer

    from seehear.cli import app

    command = typer.main.get_command(app).commands["spatialize"]
    names = {name for parameter in command.params for name in parameter.opts}
    assert set(promised.split()) <= names


# ------------------------------------------------------------------------------------------------ bad input


def _png(path: Path, width: int = 64, height: int = 48) -> Path:
    Pillow.fromarray(with_disc(scenery(width, height), 20, 20, 8)).save(path)
    return path


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _cut(path: Path, share: float = 0.5) -> Path:
    data = path.read_bytes()
    return _file(path, data[: int(len(data) * share)])


def _jpeg(path: Path) -> Path:
    Pillow.fromarray(scenery(320, 200)).save(path, quality=90)
    return path


def _video(path: Path, frames: int = 12) -> Path:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(with_disc(scenery(64, 48, i), 10 + 3 * i, 20, 6), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _sound(path: Path) -> Path:
    soundfile.write(path, np.zeros(800), 8000)
    return path


PICTURES: dict[str, Callable[[Path], Path]] = {
    "missing file": lambda d: d / "nothing.png",
    "folder": lambda d: d,
    "empty file": lambda d: _file(d / "a.png", b""),
    "text named png": lambda d: _file(d / "a.png", b"this is not a picture\n" * 20),
    "text named mp4": lambda d: _file(d / "a.mp4", b"neither is this\n" * 50),
    "random bytes": lambda d: _file(d / "a.jpg", np.random.default_rng(0).bytes(4000)),
    "truncated jpeg": lambda d: _cut(_jpeg(d / "a.jpg")),
    "truncated png": lambda d: _cut(_png(d / "a.png", 300, 200)),
    "truncated mp4": lambda d: _cut(_video(d / "a.mp4")),
    "truncated gif header": lambda d: _file(d / "a.gif", b"GIF89a\x10\x00"),
    "sides under 16 px": lambda d: _png(d / "a.png", 300, 10),
    "aspect over 32": lambda d: _png(d / "a.png", 1000, 20),
    "huge declared size": lambda d: _file(
        d / "a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 2**30, 2**30, 8, 2, 0, 0, 0) + b"\0\0\0\0"
    ),
    "sound only": lambda d: _sound(d / "a.wav"),
    "pdf": lambda d: _file(d / "a.pdf", b"%PDF-1.4\n%%EOF\n"),
    "svg": lambda d: _file(d / "a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "null byte in name": lambda d: d / "a\0b.png",
    "name too long": lambda d: d / ("x" * 300 + ".png"),
}

FLAGS: dict[str, tuple[object, ...]] = {
    "unknown layout": ("--layout", "9.1"),
    "negative seconds": ("--seconds", "-3"),
    "zero seconds": ("--seconds", "0"),
    "seconds not a number": ("--seconds", "abc"),
    "seconds nan": ("--seconds", "nan"),
    "seconds infinite": ("--seconds", "inf"),
    "no sources": ("--sources", "0"),
    "sources not whole": ("--sources", "2.5"),
    "unknown word": ("--say", "flurbel"),
    "unknown object": ("--object", "flurbel@0.5,0.5"),
    "object outside": ("--object", "dog@1.5,0.5"),
    "object without numbers": ("--object", "dog@left"),
    "unknown models": ("--models", "gpt"),
    "fov too wide": ("--fov", "190"),
    "fov zero": ("--fov", "0"),
    "near beyond far": ("--near", "50", "--far", "5"),
    "unknown room": ("--room", "cathedral"),
    "negative seed": ("--seed", "-1"),
    "rate zero": ("--rate", "0"),
    "rate absurd": ("--rate", "9999999"),
    "level above zero": ("--loudness", "3"),
    "level nan": ("--loudness", "nan"),
    "unknown outline": ("--outline", "circle"),
    "unknown flag": ("--volume", "3"),
    "output folder missing": ("-o", "no/such/folder/a.wav"),
    "output is a folder": ("-o", "."),
    "output without type": ("-o", "sound"),
    "output type unknown": ("-o", "sound.ogg"),
    "video not mp4": ("--video", "a.wav"),
    "figure not png": ("--figure", "a.mp4"),
    "scene not json": ("--scene", "a.txt"),
    "two figures": ("-o", "a.png", "--figure", "b.png"),
    "same name twice": ("--scene", "a.json", "-o", "./a.json"),
    "stems elsewhere": ("--scene", "a.json", "--stems", "/tmp"),
    "unknown video layout": ("--video", "a.mp4", "--video-layout", "hoa2"),
    "keep audio too loud": ("--keep-audio", "99"),
    "keep audio of a still": ("--video", "a.mp4", "--keep-audio", "0"),
    "hoa2 as mp4": ("--layout", "hoa2", "-o", "a.mp4"),
    "heights as mp4": ("--layout", "7.1.4", "-o", "a.mp4"),
    "heights as flac": ("--layout", "7.1.4", "-o", "a.flac"),
    "eighth order": ("--layout", "hoa8", "-o", "a.wav"),
    "no such ambience": ("--bed", "none.wav", "-o", "a.wav"),
    "level of no ambience": ("--bed-level", "3", "-o", "a.wav"),
    "unwritable folder": ("-o", "/proc/a.wav"),
}


def _stages(err: str) -> list[str]:
    return re.findall(r"^\[ *\d+ %\] (.*)$", err, re.MULTILINE)


def _assert_refused(status: int, out: str, err: str, folder: Path, before: set[Path]) -> None:
    sentences = [line for line in err.splitlines() if not line.startswith("[")]
    assert status == 2, err
    assert out == ""
    assert len(sentences) == 1 and sentences[0].startswith("seehear: ") and len(sentences[0]) > 20, err
    assert "Traceback" not in err
    assert set(folder.rglob("*")) == before


@pytest.mark.parametrize("kind", PICTURES)
def test_bad_pictures(kind: str, run: Run, tmp_path: Path) -> None:
    """Exit status 2, one sentence, nothing left behind."""
    inputs = tmp_path / "in"
    inputs.mkdir()
    path = PICTURES[kind](inputs)
    before = set(tmp_path.rglob("*"))
    _assert_refused(*run("spatialize", path, "--seconds", "0.5"), tmp_path, before)


@pytest.mark.parametrize("kind", FLAGS)
def test_bad_flags(kind: str, run: Run, tmp_path: Path) -> None:
    """Exit status 2, one sentence, nothing left behind, before any work is done: at most the input was read."""
    path = _png(tmp_path / "a.png")
    before = set(tmp_path.rglob("*"))
    status, out, err = run("spatialize", path, *FLAGS[kind])
    _assert_refused(status, out, err, tmp_path, before)
    if kind != "unwritable folder":  # what /proc refuses, root learns when writing
        assert _stages(err) in ([], ["reading"])


def _scene(run: Run, photo: Path) -> dict:
    assert run("spatialize", photo, *QUICK, "--scene", "s.json")[0] == 0
    return json.loads(Path("s.json").read_text("utf-8"))


def _stem(scene: dict) -> Path:
    return Path(scene["sources"][0]["stem"])


def _rewrite(scene: dict, **changes: object) -> None:
    Path("s.json").write_text(json.dumps(scene | changes), "utf-8")


def _at(source: dict, **where: float) -> dict:
    return source | {"trajectory": [point | where for point in source["trajectory"]]}


SCENES: dict[str, Callable[[dict], object]] = {
    "not json": lambda s: Path("s.json").write_text("{", "utf-8"),
    "unknown version": lambda s: _rewrite(s, version=99),
    "missing stem": lambda s: _stem(s).unlink(),
    "empty stem": lambda s: _stem(s).write_bytes(b""),
    "changed stem": lambda s: soundfile.write(_stem(s), np.ones(8000) * 0.1, 16000),
    "nan in stem": lambda s: (
        soundfile.write(_stem(s), np.full(8000, np.nan, np.float32), 16000, subtype="FLOAT"),
        _rewrite(s, sources=[{k: v for k, v in s["sources"][0].items() if k != "sha256"}]),
    ),
    "wrong duration": lambda s: _rewrite(s, duration_s=-1),
    "path out of the folder": lambda s: _rewrite(s, sources=[s["sources"][0] | {"stem": "../../etc/passwd"}]),
    "no direction": lambda s: _rewrite(s, sources=[s["sources"][0] | {"trajectory": [{"time_s": 0, "azimuth_deg": 0}]}]),
    "endless distance": lambda s: _rewrite(s, sources=[_at(s["sources"][0], distance_m=math.inf)]),
    "no distance": lambda s: _rewrite(s, sources=[_at(s["sources"][0], distance_m=0)]),
}


@pytest.mark.parametrize("kind", SCENES)
def test_bad_scenes(kind: str, run: Run, photo: Path, tmp_path: Path) -> None:
    """A scene file that cannot be rendered is refused in one sentence that names it."""
    SCENES[kind](_scene(run, photo))
    before = set(tmp_path.rglob("*"))
    _assert_refused(*run("render", "s.json", "-o", "out.wav"), tmp_path, before)


def test_at_least_forty_kinds() -> None:
    """At least forty kinds of bad input are refused."""
    assert len(PICTURES) + len(FLAGS) + len(SCENES) >= 40


def test_debug_shows_the_traceback(run: Run, tmp_path: Path) -> None:
    """--debug adds the traceback; the status stays 2."""
    status, _, err = run("spatialize", tmp_path / "none.png", "--debug")
    assert status == 2 and "Traceback" in err


# ------------------------------------------------------------------------------------------------ how it ends


def test_usage_is_one_sentence(run: Run) -> None:
    """A flag that a command does not have stays one sentence with status 2, --debug among them; bare `seehear` is its help."""
    for words in (("concepts", "--debug"), ("spatialize",), ("nonsense",), ("spatialize", "a.png", "--debug", "--volume", "3")):
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        assert re.fullmatch(r"seehear: \S.{15,}\n", err)
    bare, helped = run(), run("--help")
    assert bare == (2, helped[1], "") and helped[0] == 0
    assert "Usage: seehear [OPTIONS] COMMAND" in bare[1]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_help_is_grouped_and_switches_take_no_value(run: Run, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """Planted widths: no line is wider than the terminal, no type stands beside a switch."""
    monkeypatch.setenv("COLUMNS", str(columns))
    told = run("spatialize", "--help")[1]
    assert max(map(len, told.splitlines())) <= columns
    assert "<bool>" not in told
    places = [
        told.index(title) for title in ("─ What to make ─", "--layout", "─ Which files to write ─", "--force", "─ General ─")
    ]
    assert places == sorted(places)
    assert run("spatialize", "-h")[1] == told


def test_brackets_and_colons_in_names_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Round trip: every name in the summary is a file that exists, also where rich knows a style, a closing tag or an emoji."""
    monkeypatch.setenv("COLUMNS", "60")
    for folder in ("o p [red]", "d[", "d[/e]", "a :dog:"):
        Path(folder).mkdir()
        _png(Path(folder, "[b]a.png"))
        status, out, err = run("spatialize", f"{folder}/[b]a.png", *QUICK, "-o", f"{folder}/[b] :cat:.wav")
        written = [line.removeprefix("wrote ") for line in out.splitlines() if line.startswith("wrote ")]
        assert status == 0, err
        assert [Path(name).is_file() for name in written] == [True]


def test_the_summary_keeps_its_facts_on_one_line(run: Run, photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that people copy or grep do not break at the edge of a narrow terminal."""
    monkeypatch.setenv("COLUMNS", "40")
    out = run("spatialize", photo, *QUICK, "-o", "a.wav")[1]
    assert re.search(r"^0\.5 s, 5\.1, .* LUFS, .*; made in [\d.]+ s$", out, re.MULTILINE)


def _child(code: str, *words: object, cwd: Path) -> subprocess.Popen[str]:
    """The command line in a process of its own, after some lines of ours."""
    # Started in the background of a script, a process would ignore the interrupt.
    begin = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = f"{begin}\n{code}\nfrom seehear.__main__ import main\nmain()"
    command = [sys.executable, "-c", program, *map(str, words)]
    return subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


BROKEN = """
import seehear.verbs
def broken(*_, **__): raise ZeroDivisionError("a bug\\nof ours")
seehear.verbs.spatialize = broken
"""


def test_a_failure_of_ours_is_one_sentence(tmp_path: Path) -> None:
    """Planted bug in a verb: status 1 and one sentence; the traceback comes with --debug only."""
    plain, debug = (_child(BROKEN, "spatialize", "a.png", *more, cwd=tmp_path) for more in ((), ("--debug",)))
    out, err = plain.communicate()
    assert (plain.returncode, out) == (1, "")
    assert re.fullmatch(r"seehear: .*failure of seehear.*ZeroDivisionError: a bug of ours.*\n", err)
    err = debug.communicate()[1]
    assert debug.returncode == 1
    assert err.startswith("Traceback") and err.endswith("ZeroDivisionError: a bug\nof ours\n")


STOPPED = "seehear: stopped, no unfinished file is left behind\n"
WHEN = {
    "while loading": """
def heard(event, about):
    if event == "import" and about[0] == "numpy.linalg":
        signal.raise_signal(signal.SIGINT)
sys.addaudithook(heard)
""",
    "inside exec": """
import seehear.verbs
seehear.verbs.spatialize = lambda *_, **__: exec("signal.raise_signal(signal.SIGINT)")
""",
    "with every file half written": """
import seehear.io.mux
write_video = seehear.io.mux.write_video
def stopped(*words, **more):
    write_video(*words, **more)
    signal.raise_signal(signal.SIGINT)
seehear.io.mux.write_video = stopped
""",
}


@pytest.mark.parametrize("moment", WHEN)
def test_interrupt_leaves_nothing(moment: str, tmp_path: Path, photo: Path) -> None:
    """Ctrl-C ends with status 130 and one sentence and leaves no file and no folder. Oracle: the shell's 128 + SIGINT."""
    before = set(tmp_path.rglob("*"))
    child = _child(WHEN[moment], "spatialize", photo, *QUICK, cwd=tmp_path)
    out, err = child.communicate()
    assert (child.returncode, out) == (130, "")
    assert err.endswith(STOPPED) and "Traceback" not in err
    assert (len(_stages(err)) > 3) == (moment == "with every file half written")
    assert set(tmp_path.rglob("*")) == before


def test_interrupt_from_outside(tmp_path: Path, photo: Path) -> None:
    """The same for a signal of another process, in the middle of the work."""
    before = set(tmp_path.rglob("*"))
    child = _child("", "spatialize", photo, "--seconds", "60", cwd=tmp_path)
    assert child.stderr is not None
    while "looking" not in child.stderr.readline():
        assert child.poll() is None
    child.send_signal(signal.SIGINT)
    out, err = child.communicate()
    assert (child.returncode, out) == (130, "")
    assert err.endswith(STOPPED) and "Traceback" not in err
    assert set(tmp_path.rglob("*")) == before


def test_interrupt_while_a_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted interrupt between the making of a folder and its first file: the folder goes again."""
    make = Path.mkdir

    def stopped(path: Path) -> None:
        make(path)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "mkdir", stopped)
    with pytest.raises(KeyboardInterrupt), whole_folder(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("words", [("concepts",), ("concepts", "--json"), ("--version",)])
def test_a_reader_that_has_gone_away(words: tuple[str, ...], tmp_path: Path) -> None:
    """`seehear concepts | head -c 0`: no sound of complaint, status 0."""
    child = _child("", *words, cwd=tmp_path)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait() == 0


def test_the_work_goes_on_without_a_reader(tmp_path: Path, photo: Path) -> None:
    """Progress and summary may go nowhere (`2>&1 | head -1`); the file is still whole. Oracle: its length, 0.5 s."""
    child = _child("", "spatialize", photo, *QUICK, "-o", "a.wav", cwd=tmp_path)
    assert child.stdout is not None and child.stderr is not None
    child.stdout.close()
    child.stderr.close()
    assert child.wait() == 0
    assert soundfile.info(tmp_path / "a.wav").frames == 8000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the full device of Linux")
def test_a_result_that_cannot_be_printed(tmp_path: Path) -> None:
    """A full disk under stdout is no success: status 2 and one sentence."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "seehear", "concepts"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"seehear: the result cannot be printed: .+\n", done.stderr)


def test_the_demo_ends_with_the_status_of_a_failed_run(tmp_path: Path) -> None:
    """`make demo` into a place that is no folder: the sentence and status 2 of the command, no traceback of the script."""
    demo = Path(__file__).resolve().parents[1] / "examples" / "demo.py"
    (tmp_path / "chelsea").write_text("in the way")
    done = subprocess.run([sys.executable, demo, "--out", tmp_path], capture_output=True, text=True)
    assert done.returncode == 2
    assert "chelsea is not a folder" in done.stderr and "Traceback" not in done.stderr
