"""Holds Bicep files against type definitions: the names of resources and their properties, what is required and what is
read-only, literal values; and against each other: modules, parameters, secrets.

Microsoft's own compiler cannot be had from a package registry, so expressions are checked only where they are literal.
"""

import difflib
import json
from pathlib import Path

import tree_sitter
import tree_sitter_bicep

HERE = Path(__file__).parent
# Made from github.com/Azure/bicep-types-az (MIT) at 1f896de2d of August 2026: the resource types that infra/ uses, each
# property with its type (`str`, `int`, `bool`, `props`, `items`, `enum`; `known`: values that Azure may add to), `req` if it is
# required, `ro` if only Azure writes it, `open` if others are allowed, `disc` with `cases` if one property says which others
# there are.
TYPES = json.loads((HERE / "arm-types.json").read_text())
SPELLINGS = {name.lower(): name for name in TYPES}
PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_bicep.language()))
# Every resource has these beside its own; a module takes the first two as well.
META = {"scope", "dependsOn", "parent"}
SECRET_ENDINGS = ("key", "secret", "token", "password", "account", "connectionstring")


def children(node, *types):
    return [child for child in node.children if child.type in types]


def descendants(node, *types):
    for child in node.children:
        if child.type in types:
            yield child
        yield from descendants(child, *types)


def text(node):
    return node.text.decode()


def literal(node):
    """The value of a string without interpolations, else `None`."""
    if node.type != "string" or children(node, "interpolation"):
        return None
    return "".join(text(part) for part in children(node, "string_content"))


def properties(node):
    """Name, node of the name, node of the value."""
    for member in children(node, "object_property"):
        if len(member.children) > 2:
            name = member.children[0]
            yield literal(name) if name.type == "string" else text(name), member, member.children[2]


def body(node):
    """The object of a resource or module, also in `if` and `for`."""
    for child in node.children:
        if child.type == "object":
            return child
        if child.type in ("if_statement", "for_statement") and (found := body(child)):
            return found
    return None


def name_of(declaration):
    return text(children(declaration, "identifier")[0])


class Template:
    """One file, and what is wrong in it."""

    def __init__(self, path, source=None):
        self.path = Path(path)
        self.root = PARSER.parse(source if source is not None else self.path.read_bytes()).root_node
        self.mistakes = []
        self.resources = []
        self.parameters = {}
        decorators = []
        for node in self.root.children:
            if node.type == "decorators":
                decorators = [text(call) for call in children(node, "decorator")]
            elif node.type == "parameter_declaration":
                self.parameters[name_of(node)] = {
                    "secure": "@secure()" in decorators,
                    "optional": bool(children(node, "=")),
                    "node": node,
                }
            if node.type not in ("decorators", "comment"):
                decorators = []

    def say(self, node, message):
        self.mistakes.append(f"{self.path.name}:{node.start_point.row + 1}: {message}")

    def check(self, modules):
        """`modules` are the other templates by the name of their file."""
        broken = [self.root] if self.root.has_error else []
        for node in [node for node in descendants(self.root, "ERROR")] or broken:
            self.say(node, f"syntax: {text(node)[:30]!r}")
        if broken:
            return
        for resource in children(self.root, "resource_declaration"):
            self.resource(resource)
        for module in children(self.root, "module_declaration"):
            self.module(module, modules)
        self.names()
        self.loaded_files()
        self.secrets()

    # Resources

    def resource(self, node, outer=None):
        written = literal(children(node, "string")[0])
        if outer and "/" not in written.split("@")[0]:
            kind, version = written.split("@")
            written = f"{outer.split('@')[0]}/{kind}@{version}"
        self.resources.append(written)
        known = SPELLINGS.get(written.lower())
        content = body(node)
        if known is None:
            self.say(node, f"unknown type or version {written}")
        elif known != written:
            self.say(node, f"{written} is written {known}")
        elif not children(node, "existing"):
            self.object(content, TYPES[known], "")
        for inner in children(content, "object_property"):
            for declaration in children(inner, "resource_declaration"):
                self.resource(declaration, written)

    def object(self, node, shape, path):
        known, present = shape["props"], set()
        for name, member, value in properties(node):
            if name is None or (path == "" and name in META):
                continue
            present.add(name)
            if name in known:
                self.value(value, known[name], f"{path}.{name}".lstrip("."))
            elif "open" not in shape:
                near = difflib.get_close_matches(name.lower(), [each.lower() for each in known], 1)
                hint = f", perhaps '{next(each for each in known if each.lower() == near[0])}'" if near else ""
                self.say(member, f"{path or 'the resource'} has no '{name}'{hint}")
        for name, kind in known.items():
            if kind.get("req") and not kind.get("ro") and name not in present:
                self.say(node, f"{path or 'the resource'} lacks '{name}'")

    def choice(self, node, kind, path):
        """An object one property of which says what the others are."""
        chosen = next((value for name, _, value in properties(node) if name == kind["disc"]), None)
        case = kind["cases"].get(literal(chosen)) if chosen else None
        if case is None:
            self.say(chosen or node, f"{path}.{kind['disc']} is none of {sorted(kind['cases'])}")
        else:
            self.object(node, {"props": kind["base"] | case["props"]}, path)

    def value(self, node, kind, path):
        if kind.get("ro"):
            self.say(node, f"{path} is read-only")
        elif node.type == "ternary_expression":
            for branch in [child for child in node.children if child.is_named][1:]:
                self.value(branch, kind, path)
        elif node.type == "object":
            if "disc" in kind:
                self.choice(node, kind, path)
            elif "props" in kind:
                self.object(node, kind, path)
            elif kind.keys() & {"str", "int", "bool", "enum", "known", "items"}:
                self.say(node, f"{path} is an object")
        elif node.type == "array":
            if "items" in kind:
                for element in (child for child in node.children if child.is_named and child.type != "comment"):
                    self.value(element, kind["items"], f"{path}[]")
            elif kind.keys() & {"str", "int", "bool", "enum", "known", "props"}:
                self.say(node, f"{path} is an array")
        elif (string := literal(node)) is not None:
            values = kind.get("enum") or kind.get("known")
            if values and string not in values:
                self.say(node, f"{path}: '{string}' is none of {values}")
            elif kind.keys() & {"int", "bool", "props", "items", "disc"}:
                self.say(node, f"{path} is a string")
        elif node.type == "number" and kind.keys() & {"str", "bool", "enum", "known", "props", "items"}:
            self.say(node, f"{path} is a number")
        elif node.type == "boolean" and kind.keys() & {"str", "int", "enum", "known", "props", "items"}:
            self.say(node, f"{path} is a boolean")

    # Modules, names, secrets

    def module(self, node, modules):
        file = literal(children(node, "string")[0])
        if file.startswith(("br:", "br/", "ts:", "ts/")):
            return self.say(node, f"module {file} comes from a registry")
        if file not in modules:
            return self.say(node, f"module {file} does not exist")
        wanted, given = modules[file].parameters, {}
        for name, _, value in properties(body(node)):
            if name == "params":
                given = {name: value for name, _, value in properties(value)}
        for name, value in given.items():
            if name not in wanted:
                self.say(value, f"{file} has no parameter '{name}'")
            elif self.is_secret(value) and not wanted[name]["secure"]:
                self.say(value, f"{file} takes the secret '{name}' without @secure()")
        for name, parameter in wanted.items():
            if not parameter["optional"] and name not in given:
                self.say(node, f"{file} needs the parameter '{name}'")

    def names(self):
        """Names that nothing declares."""
        declarations = ("parameter_declaration", "variable_declaration", "resource_declaration", "module_declaration")
        declared = {name_of(node) for node in descendants(self.root, *declarations)}
        declared |= {text(children(loop, "identifier")[0]) for loop in descendants(self.root, "for_statement")}
        declared |= {"targetScope", "null"}
        for node in descendants(self.root, "identifier"):
            is_key = node.parent.type == "object_property" and node.parent.children[0] == node
            is_function = node.parent.type == "call_expression"
            is_output = node.parent.type == "output_declaration" and node.parent.children[1] == node
            # `outer::inner`: the inner one is declared in the outer one's body.
            if not (is_key or is_function or is_output) and text(node) not in declared:
                self.say(node, f"nothing is called '{text(node)}'")

    def loaded_files(self):
        for call in descendants(self.root, "call_expression"):
            if text(call).startswith("loadTextContent("):
                file = literal(next(descendants(call, "string")))
                if not (self.path.parent / file).is_file():
                    self.say(call, f"the file {file} does not exist")

    def is_secret(self, node):
        """Whether an expression has a secret parameter in it, or asks for keys."""
        secret = {name for name, parameter in self.parameters.items() if parameter["secure"]}
        identifiers = {text(each) for each in [node, *descendants(node, "identifier")]}
        asks = any(text(each).startswith("list") for each in descendants(node, "property_identifier"))
        return bool(identifiers & secret) or asks

    def secrets(self):
        for name, parameter in self.parameters.items():
            if name.lower().endswith(SECRET_ENDINGS) and not parameter["secure"]:
                self.say(parameter["node"], f"'{name}' needs @secure()")
        for variable in children(self.root, "variable_declaration"):
            if self.is_secret(variable):
                self.parameters[name_of(variable)] = {"secure": True, "optional": True, "node": variable}
        for output in children(self.root, "output_declaration"):
            if self.is_secret(output):
                self.say(output, f"the output '{name_of(output)}' shows a secret")


def mistakes_of(folder, replaced=()):
    """All mistakes of the templates of a folder, and the resources that were checked. `replaced` has the text of some files."""
    replaced = dict(replaced)
    templates = {
        path.name: Template(path, replaced[path.name].encode() if path.name in replaced else None)
        for path in sorted(Path(folder).glob("*.bicep"))
    }
    for template in templates.values():
        template.check(templates)
    mistakes = [mistake for template in templates.values() for mistake in template.mistakes]
    return mistakes, [resource for template in templates.values() for resource in template.resources]
