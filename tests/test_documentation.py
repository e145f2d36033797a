"""The documentation does as it says: examples run, commands parse, and links lead somewhere."""

import importlib.util
import re
import runpy
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ssl_behavior.cli.settings import parse
from tests.commands import commands_of

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "experiments/README.md")),
    ]
)
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


def fences(page: Path, language: str) -> list[str]:
    matches = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return [textwrap.dedent(match["text"]) for match in matches if match["language"] == language]


def prose(page: Path) -> str:
    """A page without its fences."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def shell_lines(page: Path) -> Iterator[list[str]]:
    """The words of each command in the page's bash fences."""
    for fence in fences(page, "bash"):
        for line in fence.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of each link within the project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


def anchors(page: Path) -> set[str]:
    """Names under which the headings of a page can be linked to, as code hosts and mkdocs make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings]
    return {re.sub(r"\s+", "-", heading) for heading in plain}


EXAMPLES = [page for page in PAGES if fences(page, "python")]
COMMANDS = [(page, words) for page in PAGES for words in shell_lines(page)]


@pytest.mark.slow
@pytest.mark.parametrize("page", EXAMPLES, ids=name)
def test_the_examples_of_a_page_run_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "example.py"
    script.write_text("\n".join(fences(page, "python")), encoding="utf-8")
    runpy.run_path(str(script))


def test_there_are_examples_on_the_first_page_and_commands_in_every_guide() -> None:
    assert DOCS / "index.md" in EXAMPLES
    guides = set((DOCS / "guides").glob("*.md")) - {DOCS / "guides" / "index.md", DOCS / "guides" / "python.md"}
    assert guides <= {page for page, _ in COMMANDS}


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=lambda value: name(value) if isinstance(value, Path) else "")
def test_a_command_that_is_shown_exists_and_takes_its_options(page: Path, words: list[str]) -> None:
    if words[0] == "make":
        targets = re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(words[1:]) <= set(targets)
    elif words[0] == "ssl-behavior":
        commands, word = commands_of(words[1]), " ".join(words[1:3])
        settings = commands[word if word in commands else words[1]].settings_class
        assert isinstance(parse(settings, words[3 if word in commands else 2 :]), settings)
    else:
        assert words == [".", ".venv/bin/activate"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for path, anchor in links(page):
        assert path.exists(), f"{path} is missing"
        if anchor:
            assert anchor in anchors(path), f"{path.name} has no heading #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_experiments_and_tests_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for module in re.findall(r"python -m ((?:experiments|tests)\.[\w.]+)", text):
        assert importlib.util.find_spec(module), f"there is no module {module}"
    test_files = {path.name for path in (PROJECT / "tests").rglob("*.py")}
    assert set(re.findall(r"\btest_\w+\.py", text)) <= test_files


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_each_picture_has_words_for_those_who_cannot_see_it_and_a_caption(page: Path) -> None:
    text = prose(page)
    for picture in re.finditer(r"^!\[(?P<words>[^\]]*)\]\([^)]+\)$", text, re.MULTILINE):
        assert picture["words"]
        assert text[picture.end() :].lstrip().removeprefix("</div>").lstrip().startswith("*")


def test_the_readme_is_a_door_and_no_manual() -> None:
    readme = PROJECT / "README.md"
    assert len(readme.read_text(encoding="utf-8").splitlines()) <= 90
    assert readme.stat().st_size <= 5_000


def test_every_page_is_reached_from_the_navigation() -> None:
    site = yaml.safe_load((PROJECT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w/.-]+\.md", repr(site["nav"])))
    assert {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")} <= named


def test_pages_that_would_load_something_over_the_network_are_refused() -> None:
    errors = pytest.importorskip("mkdocs.exceptions")
    hooks = runpy.run_path(str(DOCS / "hooks.py"))
    page = type("Page", (), {"file": type("File", (), {"src_uri": "a.md"})})
    assert hooks["on_post_page"]('<a href="https://x.org">x</a><img src="a.png">', page) != ""
    for loaded in ('<script src="https://x.org/a.js">', '<link href="//x.org/a.css">', "<img src=https://x.org/a.png>"):
        with pytest.raises(errors.PluginError, match="other sites"):
            hooks["on_post_page"](loaded, page)
