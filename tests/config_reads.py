"""Which keys of the configuration a program reads, found by the types of its expressions.

`config.system.drain_s` reads system.drain_s; so does `settings.drain_s` where settings is annotated (or assigned, or
returned) as that section's class. A name alone counts for nothing: `url`, `level` and `enabled` are everywhere. A
method of a section reads what its body reads, if the program calls it. What the types do not show (getattr, asdict) is
no read.
"""

import ast
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

CONFIG_PACKAGE = "phantommesh.config"
PASSES = 4  # a type learned in one module is needed in another, whose types are needed in a third


@dataclass
class Known:
    """Types, by qualified name. attributes: of (class, attribute); returns: of functions and of (class, method)."""

    sections: dict[str, type]
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    returns: dict[str, str] = field(default_factory=dict)


def leaf_keys(model: type) -> dict[tuple[str, str], str]:
    """Every key that is no section: (class, field) -> dotted key."""
    return {(name, key): dotted for name, key, dotted, leaf in _keys(model, "") if leaf}


def _keys(model: type, above: str) -> Iterator[tuple[str, str, str, bool]]:
    for item in fields(model):
        kind = _section(get_type_hints(model)[item.name])
        yield _name(model), item.name, above + item.name, kind is None
        if kind is not None:
            yield from _keys(kind, f"{above}{item.name}.")


def _section(hint: Any) -> type | None:
    """The section that a field holds; a secret's source is a value, not a section."""
    found = next((part for part in (hint, *get_args(hint)) if is_dataclass(part)), None)
    return found if isinstance(found, type) and found.__name__ != "SecretSource" else None


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def keys_read(sources: Mapping[str, str], model: type) -> set[str]:
    """The dotted keys that modules read. sources: text by module name; modules of CONFIG_PACKAGE only lend types."""
    known = Known(dict(_sections(model)))
    for name, kind in known.sections.items():
        for item in fields(kind):
            if inner := _section(get_type_hints(kind)[item.name]):
                known.attributes[name, item.name] = _name(inner)
    modules = [_Module(name, ast.parse(text), known) for name, text in sources.items()]
    for _ in range(PASSES):
        for module in modules:
            module.learn()
    outside: set[tuple[str, str]] = set()
    inside: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for module in modules:
        for function, found in module.reads():
            if module.name.startswith(CONFIG_PACKAGE):
                inside.setdefault(function, set()).update(found)
            else:
                outside |= found
    leaves = leaf_keys(model)
    return {leaves[item] for item in _with_methods(outside, inside) if item in leaves}


def _sections(model: type) -> Iterator[tuple[str, type]]:
    yield _name(model), model
    for item in fields(model):
        if inner := _section(get_type_hints(model)[item.name]):
            yield from _sections(inner)


def _with_methods(
    found: set[tuple[str, str]], inside: Mapping[tuple[str, str], set[tuple[str, str]]]
) -> set[tuple[str, str]]:
    whole: set[tuple[str, str]] = set()
    ahead = list(found)
    while ahead:
        item = ahead.pop()
        if item not in whole:
            whole.add(item)
            ahead += inside.get(item, ())
    return whole


class _Module:
    def __init__(self, name: str, tree: ast.Module, known: Known) -> None:
        self.name, self._known = name, known
        self._functions, self._declared = list(_functions(tree)), list(_declared(tree))
        self._names: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._names[alias.asname or alias.name] = _origin(node.module, alias.name)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                self._names.setdefault(node.name, f"{name}.{node.name}")

    def learn(self) -> None:
        """Types of attributes and of what functions return."""
        for function in self._functions:
            owner = f"{self.name}.{function.owner}"
            if (kind := self._annotated(function.returns)) is not None:
                self._known.returns[f"{owner if function.owner else self.name}.{function.name}"] = kind
            if not any(isinstance(target, ast.Attribute) for target, _, _ in function.assigned):
                continue
            scope = self._scope(function)
            for target, value, annotation in function.assigned:
                if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                    self._learn(owner, target.attr, self._annotated(annotation) or self._type(value, scope))
        for owner, name, annotation in self._declared:
            self._learn(f"{self.name}.{owner}", name, self._annotated(annotation))

    def _learn(self, owner: str, attribute: str, kind: str | None) -> None:
        if kind is not None:
            self._known.attributes.setdefault((owner, attribute), kind)

    def reads(self) -> Iterator[tuple[tuple[str, str], set[tuple[str, str]]]]:
        """For each function what it reads of sections, as (class, attribute); the module's body is one, too."""
        for function in self._functions:
            scope = self._scope(function)
            found = {
                (kind, node.attr) for node in function.attributes
                if (kind := self._type(node.value, scope)) in self._known.sections
            }  # fmt: skip
            yield (f"{self.name}.{function.owner}", function.name), found

    def _scope(self, function: "_Function") -> dict[str, str]:
        """The types of a function's names; those of functions in it are among them."""
        scope = {} if function.owner is None else {"self": f"{self.name}.{function.owner}"}
        for argument in function.arguments:
            if (kind := self._annotated(argument.annotation)) is not None:
                scope[argument.arg] = kind
        for target, value, annotation in function.assigned:
            if isinstance(target, ast.Name):
                kind = self._annotated(annotation) or self._type(value, scope)
                if kind is not None:
                    scope[target.id] = kind
        return scope

    def _type(self, node: ast.expr | None, scope: Mapping[str, str]) -> str | None:
        if isinstance(node, ast.Name):
            return scope.get(node.id)
        if isinstance(node, ast.Attribute):
            return self._known.attributes.get((self._type(node.value, scope) or "", node.attr))
        if isinstance(node, ast.Await):
            return self._type(node.value, scope)
        if isinstance(node, ast.IfExp):
            return self._type(node.body, scope) or self._type(node.orelse, scope)
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and (name := self._names.get(called.id)) is not None:
                return self._known.returns.get(name, name)
            if isinstance(called, ast.Attribute) and (kind := self._type(called.value, scope)) is not None:
                return self._known.returns.get(f"{kind}.{called.attr}")
        return None

    def _annotated(self, node: ast.expr | None) -> str | None:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._annotated(ast.parse(node.value, mode="eval").body)
        if isinstance(node, ast.BinOp):
            return self._annotated(node.left) or self._annotated(node.right)
        return self._names.get(node.id) if isinstance(node, ast.Name) else None


class _Function:
    """What matters of a function, or of a module's body. owner: the class whose method it is."""

    def __init__(self, owner: str | None, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Module) -> None:
        self.owner, self.name = owner, getattr(node, "name", "")
        self.returns: ast.expr | None = getattr(node, "returns", None)
        nodes = list(ast.walk(node))
        self.arguments = [item for item in nodes if isinstance(item, ast.arg)]
        self.assigned = [found for item in nodes for found in _assigned(item)]
        self.attributes = [
            item for item in nodes if isinstance(item, ast.Attribute) and isinstance(item.ctx, ast.Load)
        ]  # fmt: skip


def _functions(tree: ast.Module) -> Iterator[_Function]:
    for owner, nodes in [(None, tree.body), *((node.name, node.body) for node in _classes(tree))]:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _Function(owner, node)
    kept = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    yield _Function(None, ast.Module(kept, []))


def _classes(tree: ast.Module) -> list[ast.ClassDef]:
    return [node for node in tree.body if isinstance(node, ast.ClassDef)]


def _declared(tree: ast.Module) -> Iterator[tuple[str, str, ast.expr]]:
    """The annotated names of class bodies."""
    for owner in _classes(tree):
        for node in owner.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield owner.name, node.target.id, node.annotation


def _assigned(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None, ast.expr | None]]:
    """Target, value, annotation."""
    if isinstance(node, ast.AnnAssign):
        yield node.target, node.value, node.annotation
    elif isinstance(node, ast.NamedExpr):
        yield node.target, node.value, None
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from ((one, other, None) for one, other in zip(target.elts, node.value.elts, strict=False))
            else:
                yield target, node.value, None


def _origin(module: str, name: str) -> str:
    """Where an imported name is defined; those of the configuration are asked, since they are handed on."""
    if module.startswith(CONFIG_PACKAGE):
        found = getattr(importlib.import_module(module), name, None)
        if hasattr(found, "__qualname__"):
            return f"{found.__module__}.{found.__qualname__}"
    return f"{module}.{name}"


def modules_in(folder: Path, package: str) -> dict[str, str]:
    """The text of every module of a package, by its name."""
    return {
        ".".join([package, *path.relative_to(folder).with_suffix("").parts]): path.read_text()
        for path in sorted(folder.rglob("*.py"))
    }
