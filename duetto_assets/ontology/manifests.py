"""Package manifests: which packages a file says it produces and needs. One file alone is read; nothing is run.

What a manifest computes is not known: only what stands there literally is told.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any
from xml.sax import ContentHandler, SAXException

import defusedxml.sax  # type: ignore[import-untyped]
import tree_sitter
from defusedxml import DefusedXmlException
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from duetto_assets.sources.redact import quote
from duetto_assets.syntax import parse

RUNTIME, DEVELOPMENT, OPTIONAL, BUILD, PEER = "runtime", "development", "optional", "build", "peer"

MAX_CHARS = 1_000_000  # the largest manifests that people write have a tenth of it
_MAX_REQUIREMENT = 200
_NAME = re.compile(r"[\w@][\w@./:+~-]{0,199}")
_WORD = re.compile(r"[\w@][\w@.:/-]*")


@dataclass(frozen=True, slots=True)
class Dependency:
    """A package that the manifest names as needed."""

    package: str  # "pypi/requests", "npm/@scope/x", "maven/group:artifact"
    line: int  # 1-based; 0 if not known
    requirement: str  # the versions allowed, as written, without passwords; "" for any
    scope: str  # runtime, development, optional, build, peer


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one manifest says."""

    ecosystem: str  # pypi, npm, maven, go, cargo, gem, composer, nuget
    produces: tuple[str, ...]
    dependencies: tuple[Dependency, ...]


def read_manifest(path: str, text: str) -> Manifest | None:
    """Return what a manifest says; None where the file's name is no manifest's or it cannot be read."""
    reader = _reader(path)
    if reader is None or len(text) > MAX_CHARS:
        return None
    found = _Found(reader[0], path, text)
    try:
        reader[1](found)
    except _Unreadable:
        return None
    # The same may be said twice: for two platforms, in two profiles.
    return Manifest(found.ecosystem, tuple(dict.fromkeys(found.produces)), tuple(dict.fromkeys(found.dependencies)))


class _Unreadable(Exception):
    """The file is not what its name says."""


@dataclass(slots=True)
class _Found:
    """A manifest, and what has been found in it."""

    ecosystem: str
    path: str
    text: str
    produces: list[str] = field(default_factory=list)
    dependencies: list[Dependency] = field(default_factory=list)
    words: dict[str, list[int]] | None = None

    def product(self, name: object) -> None:
        if package := self._package(name):
            self.produces.append(package)

    def need(self, name: object, requirement: object, scope: str, line: int) -> None:
        if package := self._package(name):
            versions = quote(requirement, _MAX_REQUIREMENT) if isinstance(requirement, str) else ""
            self.dependencies.append(Dependency(package, line, versions, scope))

    def line_of(self, word: str, after: int = 0) -> int:
        """Return the first line at or after a line that has the word, or the first that has it at all; 0 for none."""
        if self.words is None:
            self.words = {}
            for number, line in enumerate(self.text.split("\n"), 1):
                for found in _WORD.findall(line):
                    self.words.setdefault(found, []).append(number)
        lines = self.words.get(word, [])
        return lines[at] if (at := bisect_left(lines, after)) < len(lines) else next(iter(lines), 0)

    def _package(self, name: object) -> str:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return ""
        return f"{self.ecosystem}/{canonicalize_name(name) if self.ecosystem == 'pypi' else name}"


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _at(value: object, *keys: str) -> Any:
    for key in keys:
        value = _table(value).get(key)
    return value


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


# TOML and JSON

_MANY_DOTS = re.compile(r"(?:\.[^.=,\n#]{1,60}){64}")


def _toml(found: _Found) -> dict[str, Any]:
    if _MANY_DOTS.search(found.text):  # tomllib takes quadratic time for keys of many parts
        raise _Unreadable
    try:
        return tomllib.loads(found.text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _Unreadable from error


def _json(found: _Found) -> Mapping[str, Any]:
    try:
        return _table(json.loads(found.text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))
    except (ValueError, RecursionError) as error:
        raise _Unreadable from error


# Python

_REQUIRED = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_DEVELOPMENT = re.compile(
    r"(?<![a-z])(?:dev|develop|development|tests?|testing|lint|linting|docs?|typing|types|checks?|ci)(?![a-z])",
    re.IGNORECASE,
)


def _python(found: _Found, text: str, scope: str, line: int) -> None:
    """Note a requirement as pip reads it, but for its markers: they say when, not what."""
    text = text.partition(";")[0].strip()
    parts = _REQUIRED.fullmatch(text) if len(text) <= 1000 else None
    if parts is None:
        return
    try:
        Requirement(text)
    except InvalidRequirement:
        return
    found.need(parts[1], parts[2].removeprefix("@").strip(), scope, line)


def _python_all(found: _Found, requirements: object, scope: str, after: int = 0) -> None:
    for text in _strings(requirements):
        named = _REQUIRED.match(text)
        _python(found, text, scope, found.line_of(named[1], after) if named else 0)


def _extra_scope(name: str) -> str:
    return DEVELOPMENT if _DEVELOPMENT.search(name) else OPTIONAL


def _pyproject(found: _Found) -> None:
    data = _toml(found)
    project, poetry = _table(data.get("project")), _table(_at(data, "tool", "poetry"))
    found.product(project.get("name") or poetry.get("name"))
    _python_all(found, _at(data, "build-system", "requires"), BUILD, found.line_of("build-system"))
    _python_all(found, project.get("dependencies"), RUNTIME, found.line_of("dependencies"))
    for extra, requirements in _table(project.get("optional-dependencies")).items():
        _python_all(found, requirements, _extra_scope(extra), found.line_of("project.optional-dependencies"))
    for requirements in _table(data.get("dependency-groups")).values():
        _python_all(found, requirements, DEVELOPMENT, found.line_of("dependency-groups"))
    _versions(found, poetry.get("dependencies"), RUNTIME, "tool.poetry.dependencies")
    _versions(found, poetry.get("dev-dependencies"), DEVELOPMENT, "tool.poetry.dev-dependencies")
    for name, group in _table(poetry.get("group")).items():
        _versions(found, _at(group, "dependencies"), DEVELOPMENT, f"tool.poetry.group.{name}.dependencies")


def _versions(found: _Found, packages: object, scope: str, section: str) -> None:
    """Note `name = "version"` and `name = {version = …}`, as Poetry, Pipenv and Cargo have them."""
    after = found.line_of(section)
    for name, said in _table(packages).items():
        said = next(iter(said), "") if isinstance(said, list) else said
        if found.ecosystem == "pypi" and name == "python":
            continue
        version = said if isinstance(said, str) else _at(said, "version") or _at(said, "git") or _at(said, "url")
        optional = _at(said, "optional") is True and scope == RUNTIME
        line = found.line_of(name, after) or found.line_of(f"{section}.{name}")
        found.need(_at(said, "package") or name, version, OPTIONAL if optional else scope, line)


def _pipfile(found: _Found) -> None:
    data = _toml(found)
    _versions(found, data.get("packages"), RUNTIME, "packages")
    _versions(found, data.get("dev-packages"), DEVELOPMENT, "dev-packages")


def _setup_cfg(found: _Found) -> None:
    scopes = {"install_requires": RUNTIME, "setup_requires": BUILD, "tests_require": DEVELOPMENT}
    for section, key, value, line in _ini(found.text):
        if (section, key) == ("metadata", "name"):
            found.product(value)
        elif section == "options" and key in scopes:
            _python(found, value, scopes[key], line)
        elif section == "options.extras_require":
            _python(found, value, _extra_scope(key), line)


def _ini(text: str) -> Iterator[tuple[str, str, str, int]]:
    """Yield section, key, value and line of each line of a value: configparser does not tell lines."""
    section = key = ""
    for number, line in enumerate(text.split("\n"), 1):
        value = line.strip()
        if not value or value[0] in "#;":
            continue
        if line[0].isspace():
            yield section, key, value, number
        elif value[0] == "[":
            section, key = value[1:].partition("]")[0].strip(), ""
        else:
            key, _, value = (part.strip() for part in value.partition("="))
            if value:
                yield section, key.lower(), value, number
            key = key.lower()


_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_OPTION = re.compile(r"(?<=\s)--?[a-z].*")
_EGG = re.compile(r"[#&]egg=([\w.-]+)")


def _requirements(found: _Found) -> None:
    scope = DEVELOPMENT if _DEVELOPMENT.search(found.path.rpartition("/")[2]) else RUNTIME
    for line, text in _logical_lines(found.text):
        text = _COMMENT.sub("", text).strip()
        editable = re.match(r"(?:-e|--editable)[\s=]\s*(.*)", text)
        text = editable[1] if editable else _OPTION.sub("", text)
        if "://" in text and "@ " not in text:
            found.need(_named_by(text), text.partition("#")[0], scope, line)
        elif not text.startswith(("-", ".", "/")):
            _python(found, text, scope, line)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip("\r")
        parts.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            yield number - len(parts) + 1, "".join(parts)
            parts = []
    yield text.count("\n") + 2 - len(parts), "".join(parts)


def _named_by(url: str) -> str:
    """Return the package that an address names: `…#egg=name`, or a wheel's file name."""
    if egg := _EGG.search(url):
        return egg[1]
    try:
        return str(parse_wheel_filename(url.partition("#")[0].rpartition("/")[2])[0])
    except InvalidWheelFilename:
        return ""


def _setup_py(found: _Found) -> None:
    scopes = {"install_requires": RUNTIME, "setup_requires": BUILD, "tests_require": DEVELOPMENT}
    root = _tree(found, "python")
    constants = {
        _text(name): value
        for assignment in root.named_children
        if assignment.type == "assignment"
        and (name := assignment.child_by_field_name("left")) is not None
        and (value := assignment.child_by_field_name("right")) is not None
    }
    for call in _nodes(root, "call"):
        if _text(call.child_by_field_name("function")).rpartition(".")[2] != "setup":
            continue
        for key, value in _keywords(call, "keyword_argument", "name", "value"):
            value = constants.get(_text(value), value) if value.type == "identifier" else value
            if key == "name":
                found.product(_string(value))
            elif key in scopes:
                _python_literals(found, value, scopes[key])
            elif key == "extras_require" and value.type == "dictionary":
                for pair in value.named_children:
                    if extra := _string(pair.child_by_field_name("key")):
                        _python_literals(found, pair.child_by_field_name("value"), _extra_scope(extra))


def _python_literals(found: _Found, node: tree_sitter.Node | None, scope: str) -> None:
    for item in [node, *node.named_children] if node is not None else []:
        for line, text in enumerate(_string(item).split("\n"), item.start_point.row + 1):
            _python(found, text, scope, line)


# Syntax trees: of manifests that are programs


def _tree(found: _Found, grammar: str) -> tree_sitter.Node:
    parsed = parse(found.text, grammar)
    if parsed is None:
        raise _Unreadable
    return parsed[0].root_node


def _nodes(root: tree_sitter.Node, kind: str) -> Iterator[tree_sitter.Node]:
    todo = [root]
    while todo:
        node = todo.pop()
        if node.type == kind:
            yield node
        todo += reversed(node.named_children)


def _text(node: tree_sitter.Node | None) -> str:
    """Return a name as written; "" for what is too long to be one."""
    if node is None or node.end_byte - node.start_byte > _MAX_REQUIREMENT:
        return ""
    return (node.text or b"").decode("utf-8", "replace")


def _string(node: tree_sitter.Node | None) -> str:
    """Return what a literal of Python or Ruby says; "" if it has interpolations or escapes."""
    if node is None or node.type != "string":
        return ""
    content = [child for child in node.named_children if child.type not in ("string_start", "string_end")]
    if len(content) != 1 or content[0].type != "string_content" or content[0].named_child_count:
        return ""
    return (content[0].text or b"").decode("utf-8", "replace")


def _keywords(call: tree_sitter.Node, kind: str, key: str, value: str) -> Iterator[tuple[str, tree_sitter.Node]]:
    arguments = call.child_by_field_name("arguments")
    for argument in arguments.named_children if arguments is not None else []:
        name, said = argument.child_by_field_name(key), argument.child_by_field_name(value)
        if argument.type == kind and name is not None and said is not None:
            yield _text(name).strip(": \"'"), said


# Ruby

_GEMS = {
    "gem": RUNTIME,
    "add_dependency": RUNTIME,
    "add_runtime_dependency": RUNTIME,
    "add_development_dependency": DEVELOPMENT,
}


def _ruby(found: _Found) -> None:
    root = _tree(found, "ruby")
    for assignment in _nodes(root, "assignment"):
        if _text(assignment.child_by_field_name("left")).endswith(".name"):
            found.product(_string(assignment.child_by_field_name("right")))
    todo = [(root, RUNTIME)]
    while todo:
        node, around = todo.pop()
        if node.type == "call":
            method = _text(node.child_by_field_name("method"))
            if method in _GEMS:
                _gem(found, node, around if method == "gem" else _GEMS[method])
            elif method == "group":
                around = _group_scope(node.child_by_field_name("arguments"), around)
        todo += [(child, around) for child in reversed(node.named_children)]


def _gem(found: _Found, call: tree_sitter.Node, scope: str) -> None:
    arguments = call.child_by_field_name("arguments")
    literals = [text for child in arguments.named_children if (text := _string(child))] if arguments else []
    for key, value in _keywords(call, "pair", "key", "value"):
        if key in ("group", "groups"):
            scope = _group_scope(value, scope)
    if literals:
        found.need(literals[0], ", ".join(literals[1:]), scope, call.start_point.row + 1)


def _group_scope(node: tree_sitter.Node | None, around: str) -> str:
    named = [_text(child) for child in (node, *node.named_children)] if node is not None else []
    return DEVELOPMENT if any(_DEVELOPMENT.search(name.lstrip(":")) for name in named) else around


# JavaScript, PHP, Rust, Go


def _package_json(found: _Found) -> None:
    data = _json(found)
    found.product(data.get("name"))
    scopes = {
        "dependencies": RUNTIME,
        "devDependencies": DEVELOPMENT,
        "optionalDependencies": OPTIONAL,
        "peerDependencies": PEER,
    }
    for section, scope in scopes.items():
        after = found.line_of(section)
        for name, version in _table(data.get(section)).items():
            line, real = found.line_of(name, after), name
            if isinstance(version, str) and version.startswith("npm:"):  # "alias": "npm:real@^1"
                real, _, version = version[4:].rpartition("@") if "@" in version[5:] else (version[4:], "", "")
            found.need(real, version, scope, line)


def _composer_json(found: _Found) -> None:
    data = _json(found)
    found.product(data.get("name"))
    for section, scope in {"require": RUNTIME, "require-dev": DEVELOPMENT}.items():
        after = found.line_of(section)
        for name, version in _table(data.get(section)).items():
            if "/" in name:  # not PHP itself and its extensions
                found.need(name.lower(), version, scope, found.line_of(name, after))


def _cargo(found: _Found) -> None:
    data = _toml(found)
    found.product(_at(data, "package", "name"))
    scopes = {"dependencies": RUNTIME, "dev-dependencies": DEVELOPMENT, "build-dependencies": BUILD}
    _versions(found, _at(data, "workspace", "dependencies"), RUNTIME, "workspace.dependencies")
    for tables in (data, *_table(data.get("target")).values()):
        for section, scope in scopes.items():
            _versions(found, _table(tables).get(section), scope, section)


_GO_LINE = re.compile(r"(require\s+)?([\w.~-]+(?:/[\w.~!+-]+)*)\s+(v\S+)")


def _go_mod(found: _Found) -> None:
    block = ""
    for number, line in enumerate(found.text.split("\n"), 1):
        code, _, comment = (part.strip() for part in line.partition("//"))
        if code.endswith("("):
            block = code[:-1].strip()
        elif code == ")":
            block = ""
        elif code.startswith("module ") and not block:
            found.product(code.removeprefix("module ").strip().strip('"'))
        elif (said := _GO_LINE.fullmatch(code.replace('"', ""))) and (block or (said[1] or "").strip()) == "require":
            # An indirect module is needed by one that is needed: no code here imports it.
            found.need(said[2], said[3], OPTIONAL if comment.startswith("indirect") else RUNTIME, number)


# Java, Kotlin, .NET


@dataclass(slots=True)
class _Element:
    """An XML element without its namespace."""

    tag: str
    line: int
    attributes: dict[str, str]
    children: list[_Element] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.parts).strip()

    def all(self, *tags: str) -> list[_Element]:
        """Return the elements at the end of a way of tags."""
        found = [self]
        for tag in tags:
            found = [child for element in found for child in element.children if child.tag == tag]
        return found

    def said(self, *tags: str) -> str:
        """Return the text of the first element at the end of a way of tags, "" if there is none."""
        return next((element.text for element in self.all(*tags)), "")


class _Elements(ContentHandler):
    def __init__(self) -> None:
        super().__init__()
        self.root = _Element("", 0, {})
        self._open = [self.root]
        self._locator: Any = None

    def setDocumentLocator(self, locator: Any) -> None:  # noqa: N802
        self._locator = locator

    def startElement(self, name: str, attrs: Any) -> None:  # noqa: N802
        tag = name.rpartition(":")[2]
        element = _Element(tag, self._locator.getLineNumber(), dict(attrs.items()))
        self._open[-1].children.append(element)
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802
        self._open.pop()

    def characters(self, content: str) -> None:
        self._open[-1].parts.append(content)


def _xml(found: _Found, root: str) -> _Element:
    handler = _Elements()
    # It was decoded already, and is UTF-8 now, whatever its first line says.
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", found.text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), count=1)
    lost = found.text.count("\n") - text.count("\n")
    try:
        defusedxml.sax.parseString(b"\n" * lost + text.encode("utf-8", "replace"), handler)
    except (SAXException, DefusedXmlException, ValueError) as error:
        raise _Unreadable from error
    return next(iter(handler.root.all(root)), handler.root)


_PROPERTY = re.compile(r"\$\{([\w.-]{1,100})\}")
_MAVEN_SCOPES = {"test": DEVELOPMENT, "provided": PEER, "system": PEER, "import": BUILD}
_MAVEN_PLUGINS = "org.apache.maven.plugins"


def _pom(found: _Found) -> None:
    project = _xml(found, "project")
    resolve = _properties(project)

    def need(element: _Element, scope: str, group: str = "") -> None:
        group, artifact = resolve(element.said("groupId")) or group, resolve(element.said("artifactId"))
        if group and artifact:
            found.need(f"{group}:{artifact}", resolve(element.said("version")), scope, element.line)

    group = project.said("groupId") or project.said("parent", "groupId")
    found.product(f"{resolve(group)}:{resolve(project.said('artifactId'))}")
    for parent in project.all("parent"):
        need(parent, BUILD)
    for part in (project, *project.all("profiles", "profile")):
        for dependency in part.all("dependencies", "dependency"):
            optional = dependency.said("optional") == "true"
            need(dependency, OPTIONAL if optional else _MAVEN_SCOPES.get(dependency.said("scope"), RUNTIME))
        for managed in part.all("dependencyManagement", "dependencies", "dependency"):
            if managed.said("scope") == "import":  # the others only say which version, should one need it
                need(managed, BUILD)
        for plugin in part.all("build", "plugins", "plugin"):
            need(plugin, BUILD, _MAVEN_PLUGINS)


def _properties(project: _Element) -> Callable[[str], str]:
    known = {element.tag: element.text for part in project.all("properties") for element in part.children}
    for name in ("groupId", "artifactId", "version"):
        own, inherited = project.said(name), project.said("parent", name)
        known |= {f"project.{name}": own or inherited, f"project.parent.{name}": inherited}

    def resolve(text: str) -> str:
        for _ in range(5):  # a property may be made of others
            text = text[:_MAX_REQUIREMENT]
            text = _PROPERTY.sub(lambda reference: known.get(reference[1], reference[0])[:_MAX_REQUIREMENT], text)
        return text

    return resolve


# What is not closed ends with the line or the file: to look for its end again and again would take quadratic time.
_GRADLE_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:[^\"\\\n]|\\[^\n])*+\"?|'(?:[^'\\\n]|\\[^\n])*+'?|[\w.]+|\n|[^\s\w]",
    re.DOTALL,
)
_GRADLE_SCOPES = (
    (re.compile(r"test|mock|dev(?:elopment)?only|debug|benchmark", re.IGNORECASE), DEVELOPMENT),
    (re.compile(r"classpath|annotationProcessor|kapt|ksp|compileOnly(?!Api)", re.IGNORECASE), BUILD),
    (re.compile(r"provided", re.IGNORECASE), PEER),
    (re.compile(r"implementation$|api$|compile$|runtime$|runtimeOnly$|compileOnlyApi$", re.IGNORECASE), RUNTIME),
)
_COORDINATES = re.compile(r"([\w.-]+):([\w.-]+)(?::([^:@]*))?(?:[:@].*)?")


def _gradle(found: _Found) -> None:
    group = ""
    for words, strings, line in _gradle_statements(found.text):
        if words[:1] == ["group"] and strings and not group and "." in strings[0]:  # no task's
            group = strings[0]
        scope = next((scope for pattern, scope in _GRADLE_SCOPES if words and pattern.search(words[0])), "")
        if not scope or "project" in words or "files" in words:
            continue
        if {"group", "name"} <= set(words) and len(strings) >= 2:
            strings = [":".join(strings[:3])]
        elif "kotlin" in words[1:2] and strings:
            strings = [f"org.jetbrains.kotlin:kotlin-{':'.join(strings)}"]
        for text in strings:
            if said := _COORDINATES.fullmatch(text):
                found.need(f"{said[1]}:{said[2]}", said[3] or "", scope, line)
    folder = found.path.rpartition("/")[0].rpartition("/")[2]
    if group and folder:  # the name of a project that is not the root is its folder's
        found.product(f"{group}:{folder}")


def _gradle_statements(text: str) -> Iterator[tuple[list[str], list[str], int]]:
    """Yield the words and the strings of each statement, and its first line."""
    words: list[str] = []
    strings: list[str] = []
    line = first = 1
    depth, going_on = 0, False
    for piece in _GRADLE_TOKEN.findall(text):
        if piece in ("{", "}", ";") or (piece == "\n" and not depth and not going_on):
            if words:
                yield words, strings, first
            words, strings, depth = [], [], 0
        elif piece[0] in "\"'":
            strings.append(piece.strip(piece[0]))
        elif piece[0].isalnum() or piece[0] == "_":
            first = first if words else line
            words.append(piece)
        depth = max(0, depth + (piece in ("(", "[")) - (piece in (")", "]")))
        going_on = piece == "," or (going_on and piece == "\n")
        line += piece.count("\n")
    if words:
        yield words, strings, first


def _csproj(found: _Found) -> None:
    project = _xml(found, "Project")
    named = project.said("PropertyGroup", "PackageId")
    packed = {project.said("PropertyGroup", tag).lower() for tag in ("IsPackable", "GeneratePackageOnBuild")}
    if named or "true" in packed:
        stem = found.path.rpartition("/")[2].removesuffix(".csproj")
        found.product(named or project.said("PropertyGroup", "AssemblyName") or stem)
    todo = [project]
    while todo:  # item groups may stand within conditions
        element = todo.pop()
        todo += reversed(element.children)
        if element.tag == "PackageReference":
            said = element.attributes
            private = said.get("PrivateAssets") or element.said("PrivateAssets")
            scope = DEVELOPMENT if private.lower() == "all" else RUNTIME
            found.need(said.get("Include"), said.get("Version") or element.said("Version"), scope, element.line)


_READERS: tuple[tuple[str, str, Callable[[_Found], None]], ...] = (
    ("pyproject.toml", "pypi", _pyproject),
    ("setup.cfg", "pypi", _setup_cfg),
    ("setup.py", "pypi", _setup_py),
    ("requirements*.txt", "pypi", _requirements),
    ("*requirements.txt", "pypi", _requirements),
    ("Pipfile", "pypi", _pipfile),
    ("package.json", "npm", _package_json),
    ("pom.xml", "maven", _pom),
    ("build.gradle", "maven", _gradle),
    ("build.gradle.kts", "maven", _gradle),
    ("go.mod", "go", _go_mod),
    ("Cargo.toml", "cargo", _cargo),
    ("Gemfile", "gem", _ruby),
    ("*.gemspec", "gem", _ruby),
    ("composer.json", "composer", _composer_json),
    ("*.csproj", "nuget", _csproj),
)


def _reader(path: str) -> tuple[str, Callable[[_Found], None]] | None:
    folder, _, name = path.rpartition("/")
    if folder.rpartition("/")[2] == "requirements" and name.endswith(".txt"):
        return "pypi", _requirements
    return next(((system, read) for glob, system, read in _READERS if fnmatchcase(name, glob)), None)
