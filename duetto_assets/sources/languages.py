"""A file's language by its name, or by its first line. The chunker keys its grammars by these names."""

from __future__ import annotations

import re

_EXTENSIONS = """
bash        sh bash zsh ksh bats
batch       bat cmd
c           c h
clojure     clj cljs cljc edn
cmake       cmake
cpp         cc cpp cxx c++ hh hpp hxx h++ ipp inl tpp cu cuh
csharp      cs csx
css         css
csv         csv tsv
dart        dart
diff        diff patch
dockerfile  dockerfile
elixir      ex exs
elm         elm
erlang      erl hrl
fsharp      fs fsi fsx
go          go
graphql     graphql gql graphqls
groovy      groovy gradle gvy
haskell     hs lhs
hcl         tf tfvars hcl
html        html htm xhtml
ini         ini cfg conf properties editorconfig
java        java
javascript  js jsx mjs cjs
json        json jsonc json5 ndjson jsonl webmanifest
julia       jl
jupyter     ipynb
kotlin      kt kts
less        less
lua         lua
makefile    mk mak
markdown    md markdown mdx mkd
nix         nix
objectivec  m mm
ocaml       ml mli
perl        pl pm t
php         php phtml php3 php4 php5 php7
powershell  ps1 psm1 psd1
protobuf    proto
python      py pyi pyw pyx pxd
r           r rmd
rst         rst rest
ruby        rb rake gemspec ru erb
rust        rs
scala       scala sc sbt
scss        scss sass
sql         sql ddl dml psql pgsql
starlark    bzl star bazel
svelte      svelte
swift       swift
tex         tex sty cls
text        txt text log
toml        toml
tsx         tsx
typescript  ts mts cts
vim         vim
vue         vue
xml         xml xsd xsl xslt svg pom plist csproj props targets
yaml        yml yaml
zig         zig
"""

_NAMES = """
bash        .bashrc .bash_profile .profile .zshrc .envrc pkgbuild
cmake       cmakelists.txt
dockerfile  dockerfile containerfile
go          go.mod
groovy      jenkinsfile
ini         .gitconfig .gitmodules .editorconfig
json        .babelrc .eslintrc .prettierrc
makefile    makefile gnumakefile
ruby        gemfile rakefile podfile vagrantfile brewfile fastfile
starlark    build workspace
text        readme license licence copying authors changelog notice
toml        cargo.lock poetry.lock uv.lock pipfile
yaml        .clang-format .clang-tidy
"""

_INTERPRETERS = (
    (re.compile(r"\b(ba|z|k|da|a)?sh\b"), "bash"),
    (re.compile(r"\b(python|pypy)[\d.]*\b"), "python"),
    (re.compile(r"\b(node|bun)(js)?\b"), "javascript"),
    (re.compile(r"\b(deno|ts-node|tsx)\b"), "typescript"),
    (re.compile(r"\bj?ruby[\d.]*\b"), "ruby"),
    (re.compile(r"\bperl[\d.]*\b"), "perl"),
    (re.compile(r"\bphp[\d.]*\b"), "php"),
    (re.compile(r"\blua(jit)?[\d.]*\b"), "lua"),
    (re.compile(r"\b(elixir|iex)\b"), "elixir"),
    (re.compile(r"\bgroovy\b"), "groovy"),
    (re.compile(r"\bscala\b"), "scala"),
    (re.compile(r"\bRscript\b"), "r"),
)


def _table(text: str) -> dict[str, str]:
    rows = (line.split() for line in text.strip().splitlines())
    return {key: language for language, *keys in rows for key in keys}


_BY_EXTENSION = _table(_EXTENSIONS)
_BY_NAME = _table(_NAMES)


def language_of(path: str, first_line: str = "") -> str:
    """Return a language's lower-case name, or "" if neither the name nor a `#!` line tells."""
    name = path.rpartition("/")[2].lower()
    extension = name.rpartition(".")[2] if "." in name else ""
    language = _BY_NAME.get(name) or _BY_EXTENSION.get(extension) or _BY_NAME.get(name.partition(".")[0], "")
    if not language and first_line.startswith("#!"):
        return next((found for pattern, found in _INTERPRETERS if pattern.search(first_line)), "")
    return language
