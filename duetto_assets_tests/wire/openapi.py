"""The vendors' own API descriptions, against which requests and answers are held: Confluence v2 and JIRA v3.

They lie beside the checkout, in `../shared/specs`; without them nothing is checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from duetto_assets_tests.wire.atlassian_http import Answer, Request

SPECS = Path(__file__).parents[2].parent / "shared" / "specs"
CONFLUENCE = "confluence-v2.openapi-v2.v3.json"
JIRA = "jira-cloud-v3.swagger-v3.v3.json"
NULLABLE = {"nullable": True}

# Where a description is wrong about what the system really sends: place, what it says additionally, why.
DEFECTS: dict[str, list[tuple[str, dict[str, Any], str]]] = {
    CONFLUENCE: [
        *((f"components/schemas/{name}/properties/{part}", NULLABLE, "null at the top of a space, as real answers show")
          for name in ("PageBulk", "PageSingle", "FolderSingle") for part in ("parentId", "parentType")),
    ],
    JIRA: [
        ("paths//rest/api/3/issue/{issueIdOrKey}/remotelink/get/responses/200/content/application/json/schema",
         {"anyOf": [{"type": "array", "items": {"$ref": "#/components/schemas/RemoteIssueLink"}}]},
         "a list without globalId; the vendor's own example is one"),
        ("components/schemas/PermissionHolder", {"additionalProperties": True},
         "has user, group or projectRole where expand asks for it; the vendor's documentation says so"),
    ],
}  # fmt: skip


@dataclass
class Operation:
    """A method of a path."""

    parameters: dict[str, dict[str, Any]]  # of the query
    required: set[str]
    places: dict[str, dict[str, Any]]  # of the path
    body: dict[str, Any] | None
    answer: dict[str, Any] | None
    validators: dict[str, Any] = field(default_factory=dict)


class Description:
    """One vendor's file, with a validator for each schema once it was used."""

    def __init__(self, name: str, prefix: str, closed: bool) -> None:
        """Read a file. `closed`: an object that lists its properties has no others, though the file does not say so."""
        self.prefix = prefix
        self.closed = closed
        self.document = json.loads((SPECS / name).read_text("utf-8"))
        for place, addition, _ in DEFECTS[name]:
            self._amend(place, addition)
        self.schemas: dict[str, Any] = {}
        self.registry: Registry[Any] = Registry(retrieve=self._retrieve)  # type: ignore[call-arg]
        self.paths: dict[int, list[tuple[list[str], str]]] = {}
        for path in sorted(self.document["paths"], key=lambda each: each.count("{")):
            parts = path.split("/")
            self.paths.setdefault(len(parts), []).append((parts, path))
        self.operations: dict[tuple[str, str], Operation | None] = {}

    def check(self, request: Request, answer: Answer | None) -> list[str]:
        """Return what is wrong with a request, or with the answer to it."""
        found = self._path(request.path.removeprefix(self.prefix))
        if found is None:
            return [f"{request.line}: no such path"] if answer is None else []
        path, places = found
        operation = self._operation(path, request.method.lower())
        if operation is None:
            return [f"{request.line}: no such method of {path}"] if answer is None else []
        if answer is not None:
            return self._against(operation, "answer", operation.answer, answer.body, f"answer to {request.line}")
        return [*self._check_query(operation, request), *self._check_body(operation, request), *(
            problem for name, text in places.items()
            for problem in self._value(operation, f"path {name}", operation.places.get(name, {}), text, request.line)
        )]  # fmt: skip

    def _check_query(self, operation: Operation, request: Request) -> list[str]:
        problems = [f"{request.line}: lacks {name}" for name in sorted(operation.required - set(request.query))]
        for name, values in request.query.items():
            if (schema := operation.parameters.get(name)) is None:
                problems.append(f"{request.line}: no such parameter: {name}")
            else:
                problems += self._value(operation, f"query {name}", schema, values, request.line)
        return problems

    def _check_body(self, operation: Operation, request: Request) -> list[str]:
        if operation.body is None:
            return [f"{request.line}: takes no body"] if request.body is not None else []
        return self._against(operation, "body", operation.body, request.body, f"body of {request.line}")

    def _value(
        self, operation: Operation, place: str, schema: dict[str, Any], given: str | list[str], line: str
    ) -> list[str]:
        """Check what a path or query has, which is text, as the type that its schema names."""
        while "$ref" in schema:
            schema = self._at(schema["$ref"])
        texts = [given] if isinstance(given, str) else given
        value: Any
        if schema.get("type") == "array":
            items = schema["items"]
            kind = (self._at(items["$ref"]) if "$ref" in items else items).get("type")
            value = [_typed(each, kind) for text in texts for each in text.split(",")]
        elif len(texts) > 1:
            return [f"{line}: {place} is given {len(texts)} times"]
        else:
            value = _typed(texts[0], schema.get("type"))
        return self._against(operation, place, schema, value, line)

    def _against(self, operation: Operation, place: str, schema: Any, value: Any, line: str) -> list[str]:
        if schema is None:
            return []
        if place not in operation.validators:
            closed = self.closed and place in ("answer", "body")
            converted = self._converted(schema, closed)
            operation.validators[place] = Draft202012Validator(converted, registry=self.registry)
        errors = operation.validators[place].iter_errors(value)
        return [f"{line}: {place}: {'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in errors]

    def _path(self, path: str) -> tuple[str, dict[str, str]] | None:
        given = path.split("/")
        for parts, template in self.paths.get(len(given), []):
            if all(part.startswith("{") or part == value for part, value in zip(parts, given, strict=True)):
                pairs = zip(parts, given, strict=True)
                return template, {part[1:-1]: value for part, value in pairs if part.startswith("{")}
        return None

    def _operation(self, path: str, method: str) -> Operation | None:
        key = (path, method)
        if key not in self.operations:
            raw = self.document["paths"][path].get(method)
            self.operations[key] = None if raw is None else self._read(raw)
        return self.operations[key]

    def _read(self, raw: dict[str, Any]) -> Operation:
        parameters = [self._at(each["$ref"]) if "$ref" in each else each for each in raw.get("parameters", [])]
        query = {each["name"]: each["schema"] for each in parameters if each["in"] == "query"}
        body = raw.get("requestBody")
        if body is not None and "$ref" in body:
            body = self._at(body["$ref"])
        answer = raw["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema")
        if answer is not None and str(answer.get("title", "")).startswith("MultiEntityResult"):
            answer = answer | {"required": ["results", "_links"]}
        return Operation(
            query,
            {each["name"] for each in parameters if each["in"] == "query" and each.get("required")},
            {each["name"]: each["schema"] for each in parameters if each["in"] == "path"},
            None if body is None else body["content"]["application/json"]["schema"],
            answer,
        )

    def _at(self, reference: str) -> Any:
        value: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            value = value[part]
        return value

    def _retrieve(self, uri: str) -> Resource[Any]:
        """Return a schema by the address that `_converted` gave it."""
        closed, _, name = uri.removeprefix("spec:").partition(":")
        converted = self._converted(self.document["components"]["schemas"][name], closed == "closed")
        return Resource.from_contents(converted, default_specification=DRAFT202012)

    def _converted(self, schema: Any, closed: bool) -> Any:
        """Return a schema of OpenAPI 3.0 as JSON Schema."""
        if isinstance(schema, list):
            return [self._converted(each, closed) for each in schema]
        if not isinstance(schema, dict):
            return schema
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            made: dict[str, Any] = {"$ref": f"spec:{'closed' if closed else 'open'}:{name}"}
            return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made
        if closed and "allOf" in schema:
            return self._converted(self._merged(schema["allOf"]), closed)
        made = {
            key: {name: self._converted(each, closed) for name, each in value.items()}
            if key == "properties"
            else self._converted(value, closed)
            for key, value in schema.items()
            if key not in ("nullable", "example", "examples", "default", "xml", "externalDocs", "description")
        }
        if closed and "properties" in made:
            made.setdefault("additionalProperties", False)
        return {"anyOf": [made, {"type": "null"}]} if schema.get("nullable") else made

    def _merged(self, parts: list[Any]) -> dict[str, Any]:
        """Return one object with the properties of all parts."""
        properties: dict[str, Any] = {}
        for part in (self._at(each["$ref"]) if "$ref" in each else each for each in parts):
            for name, value in part.get("properties", {}).items():
                properties[name] = {"allOf": [properties[name], value]} if name in properties else value
        return {"type": "object", "properties": properties}

    def _amend(self, place: str, addition: dict[str, Any]) -> None:
        """Add to a schema; a path of the API stands in `place` between `//` and its method."""
        root, _, rest = place.partition("//")
        if rest:
            path, _, rest = rest.partition("/get/")
            at = self.document[root][f"/{path}"]["get"]
            names = rest.replace("application/json", "application~json").split("/")
        else:
            at, names = self.document, root.split("/")
        for name in names[:-1]:
            at = at[name.replace("~", "/")]
        before = at[names[-1]]
        at[names[-1]] = addition if "anyOf" in addition else before | addition


def _typed(text: str, kind: Any) -> Any:
    """Return a text as the number or truth value that it writes; as it is where it writes none."""
    if kind == "integer" and text.lstrip("-").isdigit():
        return int(text)
    if kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


@cache
def descriptions() -> list[Description]:
    # JIRA's file says itself which objects are closed.
    return [Description(CONFLUENCE, "/wiki/api/v2", closed=True), Description(JIRA, "", closed=False)]


def present() -> bool:
    return (SPECS / CONFLUENCE).exists() and (SPECS / JIRA).exists()


def check(request: Request, answer: Answer | None) -> list[str]:
    """Return the violations of a request, or of the answer to one; v1 and Data Center have no description."""
    if request.path.startswith("/wiki/api/v2/"):
        return descriptions()[0].check(request, answer)
    return descriptions()[1].check(request, answer) if request.path.startswith("/rest/api/3/") else []
