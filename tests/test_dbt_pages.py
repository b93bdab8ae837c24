"""dbt's own documentation of both projects: each a page that needs nothing beside itself, and no project is touched."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest

from setia.businesses import BUSINESSES
from setia.schema import Business

SCRIPT = Path(__file__).parent.parent / "docs" / "dbt_pages.py"


@pytest.fixture(scope="module")
def pages() -> Any:
    spec = importlib.util.spec_from_file_location("dbt_pages", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("business", BUSINESSES.values(), ids=list(BUSINESSES))
def test_a_page_has_every_published_model_with_its_columns_and_asks_for_nothing_else(
    pages: Any, business: Business, tmp_path: Path
) -> None:
    before = content_of(business.folder.parent)
    page = pages.write(business, tmp_path)
    assert content_of(business.folder.parent) == before != {}
    assert list(tmp_path.iterdir()) == [page]
    text = page.read_text("utf-8")
    manifest, catalog = embedded(text, "manifest"), embedded(text, "catalog")
    models = published(business)
    assert len(models) > 3
    for name in models:
        key = f"model.{business.name}_analytics.{name}"
        assert manifest["nodes"][key]["description"]
        assert manifest["nodes"][key]["columns"].keys() == catalog["nodes"][key]["columns"].keys() != set()
        assert all(column["type"] for column in catalog["nodes"][key]["columns"].values())
    assert len(manifest["exposures"]) == (2 if business.name == "movie_streaming" else 0)
    assert foreign(text) == []
    assert manifest["metadata"]["send_anonymous_usage_stats"] is False


def published(business: Business) -> list[str]:
    return [
        path.stem
        for layer, prefix in business.published
        for path in (business.dbt_project / "models" / layer).glob(f"{prefix}*.sql")
    ]


def embedded(page: str, label: str) -> dict[str, Any]:
    """What dbt wrote into the page in place of a file that it would ask a server for."""
    (place,) = (found.end() for found in re.finditer(rf'[{{,]{label}:(?={{"metadata")', page))
    content: dict[str, Any] = json.JSONDecoder().raw_decode(page, place)[0]
    return content


def foreign(page: str) -> list[str]:
    """What a browser would fetch on opening the page."""
    scripts = re.findall(r"<script\b[^>]*\bsrc\s*=[^>]*>", page)
    styles = re.findall(r"<link\b[^>]*\bstylesheet\b[^>]*>", page)
    return scripts + styles + re.findall(r"@import\s[^;]*|url\(\s*[\"']?(?:https?:)?//[^)]*\)", page)


@pytest.mark.parametrize(
    "part",
    [
        "<script async src='https://example.com/a.js'></script>",
        '<link rel="stylesheet" href="a.css">',
        "<style>@import 'a.css';</style>",
        "<style>a { background: url(//example.com/a.png) }</style>",
    ],
)
def test_what_a_page_would_fetch_is_seen(part: str) -> None:
    assert len(foreign(f"<html><script>let a = 1</script>{part}</html>")) == 1


def content_of(folder: Path) -> dict[str, int]:
    """Every file of the package, with when it was written."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }
