"""How Go files name and reach each other."""

import pytest

from duetto_assets_tests.ontology.code.test_scopes import GO, defined, facts_of, said

DEFINITIONS = {
    "package p\nfunc F() {\n}\nfunc (t *T) M() {}\nfunc (g Gen[K]) N() {}\nvar H = func() {}\nfunc _() {}": [
        "function F 2-3",
        "method T.M 4-4",
        "method Gen.N 5-5",
        "function H 6-6",
    ],
    "package p\ntype (\n T struct { a int }\n I interface { M(); N() error }\n)\ntype A = T\ntype Fn func()": [
        "struct T 3-3",
        "interface I 4-4",
        "method I.M 4-4",
        "method I.N 4-4",
        "alias A 6-6",
        "alias Fn 7-7",
    ],
}


@pytest.mark.parametrize(("text", "expected"), DEFINITIONS.items())
def test_what_is_defined(text: str, expected: list[str]) -> None:
    assert defined(GO, "a.go", text) == sorted(expected)


def test_the_package_is_the_module() -> None:
    assert facts_of(GO, {"a.go": "package main"})["a.go"].module == "main"


STORE = {
    "pkg/store/store.go": "package store\ntype Repo struct { Base }\nfunc New() *Repo { return &Repo{} }\n"
    "var Default = New()\nfunc (r *Repo) Fetch() (*Row, error) { return r.load() }",
    "pkg/store/base.go": "package store\ntype Base struct{}\nfunc (b Base) load() (*Row, error) { return nil, nil }\n"
    "type Row struct { Next *Row }\nfunc (r Row) Show() {}",
}
IMPORTS_STORE = "main.go - imports pkg/store"
CASES = {
    "files of a directory see each other": (
        {
            "a.go": "package p\nfunc f() { g(); t.M() }\nvar t T",
            "b.go": "package p\ntype T struct{}\nfunc g() { f() }",
            "c.go": "package p\nfunc (t T) M() { t.N() }\nfunc (t T) N() {}",
            "q/d.go": "package q\nfunc h() { f() }",
        },
        {"a.go f calls b.go#g", "a.go f calls c.go#T.M", "b.go g calls a.go#f", "c.go T.M calls c.go#T.N"},
    ),
    "imports of the repository's own packages": (
        STORE
        | {
            "main.go": 'package main\nimport "github.com/acme/shop/pkg/store"\n'
            "func main() { r := store.New(); row, err := r.Fetch(); row.Next.Show(); err.Error()\n"
            " store.Default.Fetch(); store.Repo{}.Fetch(); x := &store.Row{}; x.Show(); var y store.Row; y.Show() }",
        },
        {
            IMPORTS_STORE,
            "main.go main calls pkg/store/store.go#New",
            "main.go main calls pkg/store/store.go#Repo.Fetch",
            "main.go main calls pkg/store/store.go#Repo",
            "main.go main calls pkg/store/base.go#Row",
            "main.go main calls pkg/store/base.go#Row.Show",
        },
    ),
    "aliases, dots and blanks": (
        STORE
        | {
            "main.go": 'package main\nimport (\n s "x.org/m/pkg/store"\n . "x.org/m/dot"\n _ "x.org/m/blank"\n)\n'
            "func main() { s.New(); Dotted() }",
            "dot/dot.go": "package dot\nfunc Dotted() {}",
            "blank/blank.go": "package blank",
        },
        {
            IMPORTS_STORE,
            "main.go - imports dot",
            "main.go - imports blank",
            "main.go main calls pkg/store/store.go#New",
            "main.go main calls dot/dot.go#Dotted",
        },
    ),
    "the package's own name, not its folder's": (
        {
            "golib/lib.go": "package lib\nfunc F() {}",
            "main.go": 'package main\nimport "x.org/m/golib"\nfunc main() { lib.F() }',
        },
        {"main.go - imports golib", "main.go main calls golib/lib.go#F"},
    ),
    "the standard library and others' modules": (
        {
            "fmt/fmt.go": "package fmt\nfunc Println() {}",
            "main.go": 'package main\nimport (\n "fmt"\n "net/http"\n "github.com/a/b/v2/c"\n "gopkg.in/yaml.v3"\n'
            ' "golang.org/x/net/html"\n "k8s.io/api/core/v1"\n "C"\n)\n'
            "func main() { fmt.Println(); http.Get(1).Do(); c.D(); yaml.E(); var h html.Node; h.F() }",
        },
        {
            "main.go - imports go/fmt",
            "main.go - imports go/net/http",
            "main.go - imports go/github.com/a/b/v2",
            "main.go - imports go/gopkg.in/yaml.v3",
            "main.go - imports go/golang.org/x/net",
            "main.go - imports go/k8s.io/api",
            "main.go main calls go/fmt#fmt.Println",
            "main.go main calls go/net/http#net/http.Get",
            "main.go main calls go/github.com/a/b/v2#github.com/a/b/v2/c.D",
            "main.go main calls go/gopkg.in/yaml.v3#gopkg.in/yaml.v3.E",
            "main.go main calls go/golang.org/x/net#golang.org/x/net/html.Node.F",
        },
    ),
    "of modules, that of most folders is the repository's": (
        {
            "utils/u.go": "package utils\nfunc F() {}",
            "store/s.go": "package store",
            "main.go": 'package main\nimport (\n "x.org/m/utils"\n "x.org/m/store"\n o "y.org/other/utils"\n)\n'
            "func main() { utils.F(); o.F() }",
        },
        {
            "main.go - imports utils",
            "main.go - imports store",
            "main.go - imports go/y.org/other",
            "main.go main calls utils/u.go#F",
            "main.go main calls go/y.org/other#y.org/other/utils.F",
        },
    ),
    "as likely as another": (
        {
            "utils/u.go": "package utils\nfunc F() {}",
            "main.go": 'package main\nimport (\n "x.org/m/utils"\n o "y.org/m/utils"\n)\nfunc main() { o.F() }',
        },
        {"main.go - imports utils ~0.7", "main.go main calls utils/u.go#F ~0.7"},
    ),
    "vendored packages": (
        {
            "vendor/github.com/a/b/b.go": "package b\nfunc F() {}",
            "main.go": 'package main\nimport "github.com/a/b"\nfunc main() { b.F() }',
        },
        {"main.go - imports vendor/github.com/a/b", "main.go main calls vendor/github.com/a/b/b.go#F"},
    ),
    "the repository's own folder": (
        {
            "gin.go": "package gin\nfunc New() {}",
            "a.go": "package gin",
            "sub/sub.go": 'package sub\nimport "x.org/gin"\nfunc F() { gin.New() }',
            "sub/sub_test.go": 'package sub_test\nimport "x.org/gin/sub"\nfunc TestF() { sub.F() }\n'
            "func TestG() { F() }",
        },
        {
            "sub/sub.go - imports gin.go",
            "sub/sub.go F calls gin.go#New",
            "sub/sub_test.go - imports sub",
            "sub/sub_test.go TestF calls sub/sub.go#F",
        },
    ),
    "embedding": (
        {
            "a.go": 'package p\nimport "io"\ntype Base struct{}\nfunc (Base) M() {}\n'
            "type T struct { *Base; io.Reader }\n"
            "type I interface { J; comparable }\ntype J interface { N() }\n"
            "func f(t T, i I) { t.M(); t.Base.M(); t.Read(); i.N() }",
        },
        {
            "a.go - imports go/io",
            "a.go T inherits a.go#Base",
            "a.go T inherits go/io#io.Reader",
            "a.go I inherits a.go#J",
            "a.go f calls a.go#Base.M",
            "a.go f calls a.go#J.N",
        },
    ),
    "types": (
        {
            "a.go": "package p\ntype T struct { next *T; f func() }\nfunc (t *T) M() (x *T) { return t }\ntype A = T\n"
            "func made() (a, b *T) { a = new(T); return }\n"
            "func one(t *T) { t.next.next.M().M() }\nfunc two() { t := new(T); t.M() }\n"
            "func three(x any) { t := x.(*T); t.M(); T(x).M(); (&T{}).M() }\nfunc four() { t, _ := made(); t.M() }\n"
            "func five(a A) { a.M() }\nfunc six[K any](k K) { Map[K](k) }\nfunc Map[K any](k K) {}\n"
            "func seven(config *config.Config) { var t T; go func(u T) { u.M(); t.M() }(t) }",
        },
        {
            "a.go made calls a.go#T",
            "a.go one calls a.go#T.M",
            "a.go two calls a.go#T",
            "a.go two calls a.go#T.M",
            "a.go three calls a.go#T",
            "a.go three calls a.go#T.M",
            "a.go four calls a.go#made",
            "a.go four calls a.go#T.M",
            "a.go five calls a.go#T.M",
            "a.go six calls a.go#Map",
            "a.go seven calls a.go#T.M",
        },
    ),
    "a parameter named like its package": (
        STORE | {"main.go": 'package main\nimport "x.org/m/pkg/store"\nfunc f(store *store.Repo) { store.Fetch() }'},
        {IMPORTS_STORE, "main.go f calls pkg/store/store.go#Repo.Fetch"},
    ),
    "a method's name, where nothing else tells": (
        {
            "a.go": "package p\ntype T struct{}\nfunc (T) Only() {}\nfunc (T) Close() {}\n"
            "func f(xs []T) { for _, x := range xs { x.Only(); x.Close() }; xs[0].Only(); nowhere.Only(); len(xs) }",
        },
        {"a.go f calls a.go#T.Only ~0.7"},
    ),
    "a variable of two types is of neither": (
        {
            "a.go": "package p\ntype T struct{}\ntype U struct{}\nfunc (T) M() {}\nfunc (U) M() {}\n"
            "func f() { if a { x := T{}; x.M() } else { x := U{}; x.M() } }",
        },
        {
            "a.go f calls a.go#T",
            "a.go f calls a.go#U",
            "a.go f calls a.go#T.M ~0.3",
            "a.go f calls a.go#U.M ~0.3",
        },
    ),
    "a variable hides a function": (
        {"a.go": "package p\nfunc g() {}\nfunc f(g func()) { g() }\nfunc h() { g() }"},
        {"a.go h calls a.go#g"},
    ),
}


@pytest.mark.parametrize(("files", "expected"), CASES.values(), ids=CASES)
def test_what_is_linked(files: dict[str, str], expected: set[str]) -> None:
    assert {one for one in said(GO, files) if not one.startswith("pkg/")} == expected


def test_embedded_types_are_found_in_other_files() -> None:
    assert said(GO, STORE) == {
        "pkg/store/store.go Repo inherits pkg/store/base.go#Base",
        "pkg/store/store.go - calls pkg/store/store.go#New",
        "pkg/store/store.go New calls pkg/store/store.go#Repo",
        "pkg/store/store.go Repo.Fetch calls pkg/store/base.go#Base.load",
    }
