"""Decides whether a package's licence is permissive, from the fields its own metadata carries.

A licence that cannot be read as permissive is refused: doubt counts as no.
"""

import json
import re
import tomllib
from email.parser import HeaderParser
from pathlib import Path

PERMISSIVE = {
    "0BSD", "AFL-2.1", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Artistic-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause",
    "BSL-1.0", "BlueOak-1.0.0", "CC0-1.0", "CC-BY-4.0", "CDLA-Permissive-2.0", "HPND", "ISC", "MIT", "MIT-0", "MIT-CMU", "NCSA", "PSF-2.0", "Python-2.0",
    "Unicode-3.0", "Unicode-DFS-2016", "Unlicense", "WTFPL", "Zlib", "bzip2-1.0.6", "curl", "blessing", "NAIST-2003", "PostgreSQL",
}

# Free-text spellings seen in Python metadata, lower case.
_SPELLINGS = {
    "mit license": "MIT", "the mit license": "MIT", "the mit license (mit)": "MIT", "mit": "MIT", "bsd": "BSD-3-Clause", "bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause", "new bsd license": "BSD-3-Clause", "modified bsd": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause", "bsd-3": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause", "bsd-2-clause license": "BSD-2-Clause", "apache": "Apache-2.0", "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0", "apache license": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache 2.0 license": "Apache-2.0", "apache software license": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0", "apache license version 2.0": "Apache-2.0", "apache software license 2.0": "Apache-2.0", "isc license (iscl)": "ISC", "isc license": "ISC",
    "python software foundation license": "PSF-2.0", "psf": "PSF-2.0", "psfl": "PSF-2.0", "the unlicense (unlicense)": "Unlicense", "historical permission notice and disclaimer (hpnd)": "HPND",
}
_FILE_REFUSED = re.compile(
    r"GNU (Lesser |Library |Affero )?General Public|\b[AL]?GPL-?[v23]|Mozilla Public License|MPL-2|Eclipse Public License|EPL-[12]|"
    r"Common Development and Distribution|Common Public License|same terms as Perl|Server Side Public|Business Source License|All rights reserved\. *NVIDIA|NVIDIA CORPORATION", re.IGNORECASE
)


def permissive(expression: str | None) -> bool:
    """True where an SPDX expression (also the old `A/B` for `A OR B`) can be met by permissive licences alone."""
    if not expression or not expression.strip():
        return False
    text = expression.strip()
    text = _SPELLINGS.get(text.lower(), text).replace("/", " OR ")
    tokens = re.findall(r"\(|\)|[^\s()]+", text)
    clauses, depth = [], 0
    # A parenthesised part is judged by itself; OR binds weaker than AND.
    while "(" in tokens:
        close = tokens.index(")") if ")" in tokens else -1
        if close < 0:
            return False
        start = max(i for i in range(close) if tokens[i] == "(")
        inner = permissive(" ".join(tokens[start + 1:close]))
        tokens[start:close + 1] = ["MIT" if inner else "refused"]
    flat = " ".join(tokens)
    clauses = re.split(r"\s+or\s+", flat, flags=re.IGNORECASE)
    known = {name.lower() for name in PERMISSIVE}
    return any(all(part.strip().lower() in known for part in re.split(r"\s+and\s+|;|,", clause, flags=re.IGNORECASE)) for clause in clauses)


def file_refused(text: str) -> bool:
    """True for a file whose head names a licence that is not permissive, whatever its package says."""
    return bool(_FILE_REFUSED.search(text[:3_000]))


def crate_licence(folder: Path) -> str | None:
    """The `license` of a crate's manifest."""
    return tomllib.loads((folder / "Cargo.toml").read_text()).get("package", {}).get("license")


def npm_licence(folder: Path) -> str | None:
    """The `license` of an npm package (its folder inside the tarball may have any name)."""
    found = sorted(folder.glob("*/package.json"))
    if not found:
        return None
    value = json.loads(found[0].read_text()).get("license")
    return value.get("type") if isinstance(value, dict) else value


def wheel_licence(folder: Path) -> str | None:
    """A wheel's licence: its expression, else its classifiers, else a short free text."""
    found = sorted(folder.glob("*.dist-info/METADATA"))
    if not found:
        return None
    fields = HeaderParser().parsestr(found[0].read_text(errors="replace"))
    if fields["License-Expression"]:
        return fields["License-Expression"]
    names = [c.split(" :: ")[-1] for c in fields.get_all("Classifier") or [] if c.startswith("License :: OSI Approved ::")]
    spelt = [_SPELLINGS.get(name.lower(), name) for name in names]
    if spelt:
        return " OR ".join(spelt)
    free = (fields["License"] or "").strip()
    return _SPELLINGS.get(free.lower(), free) if len(free) < 60 else None
