"""Each manifest's dialect, and that no text makes a reader raise."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duetto_assets.ontology.manifests import MAX_CHARS, Dependency, Manifest, read_manifest

NAMES = [
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "requirements.txt",
    "Pipfile",
    "package.json",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "go.mod",
    "Cargo.toml",
    "Gemfile",
    "acme.gemspec",
    "composer.json",
    "Acme.csproj",
]

# path, text, what it produces, and (package, line, requirement, scope) of what it needs
TABLE = [
    (
        "pyproject.toml",
        """\
[build-system]
requires = ["hatchling>=1.25"]
[project]
name = "Acme.Tool"
dependencies = [
    "requests[socks] >= 2.31, < 3 ; python_version > '3.8'",
    "My_Lib @ git+https://me:secret@example.com/lib",
    "not a requirement at all",
]
[project.optional-dependencies]
s3 = ["boto3"]
dev = ["pytest"]
[dependency-groups]
lint = ["ruff==1", {include-group = "x"}]
""",
        ["pypi/acme-tool"],
        [
            ("pypi/hatchling", 2, ">=1.25", "build"),
            ("pypi/requests", 6, ">= 2.31, < 3", "runtime"),
            ("pypi/my-lib", 7, "git+https://example.com/lib", "runtime"),
            ("pypi/boto3", 11, "", "optional"),
            ("pypi/pytest", 12, "", "development"),
            ("pypi/ruff", 14, "==1", "development"),
        ],
    ),
    (
        "api/pyproject.toml",
        """\
[tool.poetry]
name = "acme"
[tool.poetry.dependencies]
python = "^3.11"
httpx = "^0.28"
redis = { version = ">=5", optional = true }
local = { path = "../local" }
[tool.poetry.group.test.dependencies]
pytest = [{ version = "8", python = "<3.10" }, { version = "9" }]
""",
        ["pypi/acme"],
        [
            ("pypi/httpx", 5, "^0.28", "runtime"),
            ("pypi/redis", 6, ">=5", "optional"),
            ("pypi/local", 7, "", "runtime"),
            ("pypi/pytest", 9, "8", "development"),
        ],
    ),
    (
        "setup.cfg",
        """\
[metadata]
name = acme
[options]
install_requires =
    requests>=2
    # a comment
    attrs; python_version < "3"
setup_requires = setuptools_scm
[options.extras_require]
fast =
    orjson
[flake8]
install_requires = nothing
""",
        ["pypi/acme"],
        [
            ("pypi/requests", 5, ">=2", "runtime"),
            ("pypi/attrs", 7, "", "runtime"),
            ("pypi/setuptools-scm", 8, "", "build"),
            ("pypi/orjson", 11, "", "optional"),
        ],
    ),
    (
        "setup.py",
        """\
import setuptools
needed = ["requests>=2"]
raise SystemExit(1)
setuptools.setup(
    name="acme",
    version=compute(),
    install_requires=needed,
    extras_require={"s3": ["boto3"], key: ["unknown"]},
    tests_require=["pytest", f"computed{x}", "bad\\n"],
)
other(install_requires=["nothing"])
""",
        ["pypi/acme"],
        [
            ("pypi/requests", 2, ">=2", "runtime"),
            ("pypi/boto3", 8, "", "optional"),
            ("pypi/pytest", 9, "", "development"),
        ],
    ),
    (
        "requirements.txt",
        """\
# comment
-r base.txt
--index-url https://me:secret@example.com/simple
requests==2.31 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
attrs>=1  # why
-e git+https://example.com/x.git#egg=my_x
-e .
./wheels/local.whl
https://example.com/numpy-2.0-cp311-cp311-linux_x86_64.whl
httpx ; python_version > "3.8"
a b c
""",
        [],
        [
            ("pypi/requests", 4, "==2.31", "runtime"),
            ("pypi/attrs", 7, ">=1", "runtime"),
            ("pypi/my-x", 8, "git+https://example.com/x.git", "runtime"),
            ("pypi/numpy", 11, "https://example.com/numpy-2.0-cp311-cp311-linux_x86_64.whl", "runtime"),
            ("pypi/httpx", 12, "", "runtime"),
        ],
    ),
    ("requirements-dev.txt", "pytest\n", [], [("pypi/pytest", 1, "", "development")]),
    ("test-requirements.txt", "pytest", [], [("pypi/pytest", 1, "", "development")]),
    ("requirements/base.txt", "requests \\", [], [("pypi/requests", 1, "", "runtime")]),
    (
        "Pipfile",
        """\
[packages]
requests = "*"
lib = {git = "https://u:p@example.com/l", ref = "x"}
[dev-packages]
pytest = ">=8"
""",
        [],
        [
            ("pypi/requests", 2, "*", "runtime"),
            ("pypi/lib", 3, "https://example.com/l", "runtime"),
            ("pypi/pytest", 5, ">=8", "development"),
        ],
    ),
    (
        "web/package.json",
        """\
{
  "name": "@acme/web",
  "scripts": {"react": "x"},
  "dependencies": {
    "react": "^18",
    "@acme/ui": "workspace:*",
    "old": "npm:lodash@^4"
  },
  "devDependencies": {"jest": "29"},
  "peerDependencies": {"react": ">=17"},
  "optionalDependencies": {"fsevents": 2}
}""",
        ["npm/@acme/web"],
        [
            ("npm/react", 5, "^18", "runtime"),
            ("npm/@acme/ui", 6, "workspace:*", "runtime"),
            ("npm/lodash", 7, "^4", "runtime"),
            ("npm/jest", 9, "29", "development"),
            ("npm/fsevents", 11, "", "optional"),
            ("npm/react", 10, ">=17", "peer"),
        ],
    ),
    (
        "pom.xml",
        """\
<?xml version="1.0" encoding="ISO-8859-1"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>1</version></parent>
  <artifactId>api</artifactId>
  <properties><slf4j>2.0</slf4j><slf4j.version>${slf4j}.9</slf4j.version><loop>${loop}</loop></properties>
  <dependencyManagement><dependencies>
    <dependency><groupId>io.acme</groupId><artifactId>bom</artifactId><scope>import</scope></dependency>
    <dependency><groupId>io.acme</groupId><artifactId>managed</artifactId></dependency>
  </dependencies></dependencyManagement>
  <dependencies>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-api</artifactId>
      <version>${slf4j.version}</version>
    </dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>model</artifactId><version>${loop}</version></dependency>
    <dependency><groupId>${unknown}</groupId><artifactId>x</artifactId></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><scope>test</scope></dependency>
    <dependency><groupId>javax</groupId><artifactId>servlet</artifactId><scope>provided</scope></dependency>
    <dependency><groupId>a</groupId><artifactId>b</artifactId><optional>true</optional></dependency>
  </dependencies>
  <build><plugins><plugin><artifactId>maven-jar-plugin</artifactId></plugin></plugins></build>
  <profiles><profile><dependencies>
    <dependency><groupId>p</groupId><artifactId>q</artifactId></dependency>
  </dependencies></profile></profiles>
</project>""",
        ["maven/com.acme:api"],
        [
            ("maven/com.acme:parent", 3, "1", "build"),
            ("maven/io.acme:bom", 7, "", "build"),
            ("maven/org.slf4j:slf4j-api", 11, "2.0.9", "runtime"),
            ("maven/com.acme:model", 16, "${loop}", "runtime"),
            ("maven/junit:junit", 18, "", "development"),
            ("maven/javax:servlet", 19, "", "peer"),
            ("maven/a:b", 20, "", "optional"),
            ("maven/org.apache.maven.plugins:maven-jar-plugin", 22, "", "build"),
            ("maven/p:q", 24, "", "runtime"),
        ],
    ),
    (
        "server/build.gradle",
        """\
group = 'com.acme'
plugins { id 'java' version '1' }
/* implementation 'no:no:1' */
dependencies {
    // implementation 'no:no:2'
    implementation 'org.slf4j:slf4j-api:2.0', 'a:b:1'
    implementation project('other:deep')
    api(platform("com.acme:bom:1"))
    testImplementation group: 'junit', name: 'junit', version: '4.13'
    compileOnly 'org.projectlombok:lombok:1'
    implementation(
        "g:multi:$version"
    )
    implementation("$group:x:1") { exclude group: 'c', module: 'd' }
    runtimeOnly 'e:f'
}
task x { group = 'verification' }
""",
        ["maven/com.acme:server"],
        [
            ("maven/org.slf4j:slf4j-api", 6, "2.0", "runtime"),
            ("maven/a:b", 6, "1", "runtime"),
            ("maven/com.acme:bom", 8, "1", "runtime"),
            ("maven/junit:junit", 9, "4.13", "development"),
            ("maven/org.projectlombok:lombok", 10, "1", "build"),
            ("maven/g:multi", 11, "$version", "runtime"),
            ("maven/e:f", 15, "", "runtime"),
        ],
    ),
    (
        "build.gradle.kts",
        """\
group = "com.acme"
dependencies {
    implementation("com.squareup.okhttp3:okhttp:4.12@aar")
    implementation(group = "g", name = "a", version = "1")
    implementation(kotlin("stdlib"))
    ksp("x:y:1")
    implementation(libs.guava)
    implementation(files("a:b:c"))
}""",
        [],
        [
            ("maven/com.squareup.okhttp3:okhttp", 3, "4.12", "runtime"),
            ("maven/g:a", 4, "1", "runtime"),
            ("maven/org.jetbrains.kotlin:kotlin-stdlib", 5, "", "runtime"),
            ("maven/x:y", 6, "1", "build"),
        ],
    ),
    (
        "go.mod",
        """\
module github.com/acme/tool // the tool
go 1.22
require github.com/pkg/errors v0.9.1
require (
    golang.org/x/net v0.1.0
    gopkg.in/yaml.v3 v3.0.1 // indirect
    github.com/old/lib v2.0.0+incompatible
)
replace (
    golang.org/x/sys v0.1.0 => ../sys
    golang.org/x/text v0.1.0
)
exclude golang.org/x/crypto v0.1.0
""",
        ["go/github.com/acme/tool"],
        [
            ("go/github.com/pkg/errors", 3, "v0.9.1", "runtime"),
            ("go/golang.org/x/net", 5, "v0.1.0", "runtime"),
            ("go/gopkg.in/yaml.v3", 6, "v3.0.1", "optional"),
            ("go/github.com/old/lib", 7, "v2.0.0+incompatible", "runtime"),
        ],
    ),
    (
        "Cargo.toml",
        """\
[package]
name = "acme"
[dependencies]
serde = { version = "1", features = ["derive"] }
log = "0.4"
short = { package = "long-name", version = "2" }
maybe = { version = "3", optional = true }
[dependencies.table]
version = "4"
[dev-dependencies]
criterion = "0.5"
[build-dependencies]
cc = "1"
[target.'cfg(unix)'.dependencies]
nix = "0.27"
[workspace.dependencies]
tokio = { version = "1" }
""",
        ["cargo/acme"],
        [
            ("cargo/tokio", 17, "1", "runtime"),
            ("cargo/serde", 4, "1", "runtime"),
            ("cargo/log", 5, "0.4", "runtime"),
            ("cargo/long-name", 6, "2", "runtime"),
            ("cargo/maybe", 7, "3", "optional"),
            ("cargo/table", 8, "4", "runtime"),
            ("cargo/criterion", 11, "0.5", "development"),
            ("cargo/cc", 13, "1", "build"),
            ("cargo/nix", 15, "0.27", "runtime"),
        ],
    ),
    (
        "Gemfile",
        """\
source "https://rubygems.org"
gem "rails", "~> 7.0", ">= 7.0.1"
gem 'rspec', group: :test
gem "#{computed}"
group :development, :test do
  gem "pry"
end
group :production do
  gem "pg"
end
gemspec
""",
        [],
        [
            ("gem/rails", 2, "~> 7.0, >= 7.0.1", "runtime"),
            ("gem/rspec", 3, "", "development"),
            ("gem/pry", 6, "", "development"),
            ("gem/pg", 9, "", "runtime"),
        ],
    ),
    (
        "acme.gemspec",
        """\
Gem::Specification.new do |spec|
  spec.name = "acme"
  spec.add_dependency "rack", "~> 3"
  spec.add_runtime_dependency("thor")
  spec.add_development_dependency 'rake'
end
""",
        ["gem/acme"],
        [
            ("gem/rack", 3, "~> 3", "runtime"),
            ("gem/thor", 4, "", "runtime"),
            ("gem/rake", 5, "", "development"),
        ],
    ),
    (
        "composer.json",
        """\
{"name": "acme/site",
 "require": {"php": ">=8", "ext-json": "*",
  "Symfony/console": "^6"},
 "require-dev": {"phpunit/phpunit": "^10"}}""",
        ["composer/acme/site"],
        [
            ("composer/symfony/console", 3, "^6", "runtime"),
            ("composer/phpunit/phpunit", 4, "^10", "development"),
        ],
    ),
    (
        "src/Acme.Api.csproj",
        """\
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><IsPackable>True</IsPackable></PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Newtonsoft.Json" Version="13.0.3" />
    <PackageReference Include="StyleCop" PrivateAssets="all"><Version>1</Version></PackageReference>
    <ProjectReference Include="../Other/Other.csproj" />
  </ItemGroup>
</Project>""",
        ["nuget/Acme.Api"],
        [
            ("nuget/Newtonsoft.Json", 4, "13.0.3", "runtime"),
            ("nuget/StyleCop", 5, "1", "development"),
        ],
    ),
    (
        "App.csproj",
        "<Project><PropertyGroup><PackageId>Acme.App</PackageId></PropertyGroup></Project>",
        ["nuget/Acme.App"],
        [],
    ),
    ("App.csproj", "<Project><PropertyGroup><AssemblyName>App</AssemblyName></PropertyGroup></Project>", [], []),
]


@pytest.mark.parametrize(("path", "text", "produces", "needs"), TABLE, ids=[row[0] for row in TABLE])
def test_a_manifest_says_what_it_produces_and_needs(path, text, produces, needs):
    found = read_manifest(path, text)
    assert found is not None
    assert list(found.produces) == produces
    assert sorted(found.dependencies, key=repr) == sorted((Dependency(*row) for row in needs), key=repr)


@pytest.mark.parametrize(
    "path", ["settings.gradle", "package-lock.json", "src/main.py", "constraints.txt", "x/pom.xml/y"]
)
def test_another_file_is_no_manifest(path):
    assert read_manifest(path, "{}") is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("pyproject.toml", "[project\nname = 1"),
        ("pyproject.toml", "x = " + "[" * 50_000),
        ("Cargo.toml", ".".join("a" * 100_000) + " = 1"),
        ("package.json", "{"),
        ("package.json", "[" * 50_000),
        ("pom.xml", "<project>"),
        ("pom.xml", '<!DOCTYPE x [<!ENTITY a "b">]><project>&a;</project>'),
        ("Acme.csproj", "\0"),
        ("go.mod", " " * (MAX_CHARS + 1)),
    ],
)
def test_a_broken_manifest_is_unreadable(path, text):
    assert read_manifest(path, text) is None


@pytest.mark.parametrize("path", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "\udcff",
        "[]",
        "1",
        "null",
        '{"name": [], "dependencies": [1], "require": {"a/b": {}}, "devDependencies": {"a": null}}',
        "name = 1\ndependencies = 3\n[project]\nname = []\n[package]\nname = {}\n[tool]\npoetry = 1\n",
        "(" * 50_000,
        "[" * 50_000,
        "gem(" * 20_000,
        "group(:test) { " * 20_000,
        "setup(install_requires=[" * 10_000,
        "<a>" * 50_000 + "</a>" * 50_000,
        "<project>" + "<dependencies><dependency><groupId>${a}</groupId>" * 20_000,
        "/*" * 200_000,
        '"\\' * 200_000,
        "require (" * 50_000,
        "x" * 900_000,
        " " * 900_000,
        "a " + " " * 900_000 + "b",
        "a.-" * 300_000,
        "a[" * 300_000,
        "\\\n" * 30_000,
    ],
    ids=range(24),
)
def test_no_text_raises(path, text):
    found = read_manifest(path, text)
    assert found is None or isinstance(found, Manifest)


@given(st.sampled_from(NAMES), st.text())
def test_no_small_text_raises(path, text):
    read_manifest(path, text)


@given(st.dictionaries(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True), st.text(max_size=20)))
def test_every_package_of_package_json_is_told(packages):
    found = read_manifest("package.json", json.dumps({"dependencies": packages}, indent=1))
    assert found is not None
    aliased = {name for name, version in packages.items() if version.startswith("npm:")}
    assert {f"npm/{name}" for name in packages if name not in aliased} <= {one.package for one in found.dependencies}
    assert all(one.line for one in found.dependencies if one.package.removeprefix("npm/") in packages)


def test_the_group_of_a_task_is_no_maven_group():
    found = read_manifest("app/build.gradle", "task x { group = 'verification' }")
    assert found == Manifest("maven", (), ())


def test_a_property_that_doubles_itself_stays_short():
    text = f"<project><properties><a>{'${a}' * 50}</a></properties><groupId>g</groupId><artifactId>${{a}}</artifactId>"
    text += "<parent><groupId>g</groupId><artifactId>a</artifactId><version>${a}</version></parent></project>"
    found = read_manifest("pom.xml", text)
    assert found is not None
    assert max(len(one.requirement) for one in found.dependencies) <= 200


def test_the_same_dependency_is_told_once():
    found = read_manifest("package.json", '{"dependencies": {"a": "1"}, "name": "b"}')
    assert found == Manifest("npm", ("npm/b",), (Dependency("npm/a", 1, "1", "runtime"),))
    line = "implementation 'a:b:1', 'a:b:1'"
    assert read_manifest("build.gradle", line) == Manifest("maven", (), (Dependency("maven/a:b", 1, "1", "runtime"),))
