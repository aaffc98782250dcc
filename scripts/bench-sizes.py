"""Says how long files and functions are: median, p90, max. Counts every line; a function is from `fn` to its closing brace."""

import pathlib
import re
import sys

FUNCTION = re.compile(r"^(\s*)(?:pub(?:\([^)]*\))? )?(?:const )?(?:async )?fn (\w+)")


def functions(lines: list[str]):
    for at, line in enumerate(lines):
        found = FUNCTION.match(line)
        if not found:
            continue
        indent = found.group(1)
        for end in range(at, len(lines)):
            if lines[end].startswith(f"{indent}}}") or (end == at and line.rstrip().endswith("}")):
                yield end - at + 1, found.group(2)
                break
            if end > at and lines[end].rstrip().endswith(";") and lines[end].startswith(f"{indent})"):
                break


def told(what: str, sizes: list[tuple[int, str]]) -> None:
    sizes.sort()
    count = len(sizes)
    median, p90 = sizes[count // 2][0], sizes[count * 9 // 10][0]
    longest, name = sizes[-1]
    print(f"{what:<22} n {count:>5}   median {median:>4}   p90 {p90:>4}   max {longest:>4}  ({name})")


def main() -> None:
    for folder in sys.argv[1:]:
        files, parts = [], []
        for path in pathlib.Path(folder).rglob("*.rs"):
            lines = path.read_text(encoding="utf-8").splitlines()
            files.append((len(lines), str(path)))
            parts += [(size, f"{path}::{name}") for size, name in functions(lines)]
        told(f"{folder}: files", files)
        told(f"{folder}: functions", parts)


main()
