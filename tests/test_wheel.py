"""The wheel: installed into an empty environment it runs both businesses and writes nothing into itself."""

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def call(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def digest(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert files
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_wheel_runs_the_demo_and_site_packages_stays_unchanged(tmp_path):
    call(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", tmp_path, ROOT, cwd=ROOT)
    (wheel,) = tmp_path.glob("setia-*.whl")
    call(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    pip = (python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps")
    call(*pip, "--require-hashes", "-r", ROOT / "requirements" / "base.txt", cwd=tmp_path)
    call(*pip, wheel, cwd=tmp_path)
    packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    before = digest(packages / "setia")
    assert any(name.endswith("mart_movie_rating_monthly.sql") for name in before)
    setia = tmp_path / "venv" / "bin" / "setia"
    said = call(
        setia, "--home", tmp_path / "home", "demo", "--customers", "60", "--months", "2", cwd=tmp_path
    )
    assert "MRR" in said
    assert "Net sales" in said
    assert digest(packages / "setia") == before
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    assert size < 800_000_000
