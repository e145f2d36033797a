"""Pages and pictures that live outside docs/ become part of the site, and nothing in it is loaded from elsewhere."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parent.parent
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "experiments/**/*.md",
    "experiments/**/*.png",
    "notebooks/*.ipynb",
    "tests/fuzz/*.md",
)
_LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
_EXTERNAL = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")


@event_priority(100)  # before the plugin that turns notebooks into pages
def on_files(files: Files, config: Any, **_: Any) -> Files:
    """Add the files outside docs/, each under its path in the project."""
    for pattern in OUTSIDE:
        for path in sorted(PROJECT.glob(pattern)):
            name = path.relative_to(PROJECT).as_posix()
            files.append(File(name, str(PROJECT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Translate links between files of the project, as code hosts show them, into links within the site."""
    site = page.file.src_uri
    here = posixpath.dirname(site if Path(page.file.src_dir) == PROJECT else f"docs/{site}")

    def translated(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(here, match[2])).removeprefix("docs/")
        if files.get_file_from_path(target) is None:
            return match[0]  # left for the strict build to report
        return match[1] + posixpath.relpath(target, posixpath.dirname(site) or ".") + match[3]

    return _LINK.sub(translated, markdown).replace(" ± ", "&nbsp;±&nbsp;")  # or narrow columns break the numbers apart


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Refuse pages that would load something over the network.

    Raises:
        PluginError: a page names a script, style, picture or frame of another site.
    """
    if external := _EXTERNAL.search(output):
        raise PluginError(f"{page.file.src_uri}: expected no files of other sites; found {external[0][:200]}")
    return output
