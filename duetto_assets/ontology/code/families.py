"""The families of languages whose code is read. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Mapping

from duetto_assets.ontology.code.c import C
from duetto_assets.ontology.code.csharp import CSharp
from duetto_assets.ontology.code.facts import Family
from duetto_assets.ontology.code.go import Go
from duetto_assets.ontology.code.javascript import JavaScript
from duetto_assets.ontology.code.jvm import Jvm
from duetto_assets.ontology.code.php import Php
from duetto_assets.ontology.code.python import Python
from duetto_assets.ontology.code.ruby import Ruby
from duetto_assets.ontology.code.rust import Rust

FAMILIES: Mapping[str, Family] = {
    "python": Python(),
    "javascript": JavaScript(),
    "jvm": Jvm(),
    "go": Go(),
    "rust": Rust(),
    "csharp": CSharp(),
    "c": C(),
    "ruby": Ruby(),
    "php": Php(),
}

FAMILY_OF: Mapping[str, str] = {language: name for name, family in FAMILIES.items() for language in family.languages}
