/**
 * Leave out of Emscripten's script what this WebAssembly never asks for: SDL, WebGL, sockets and more, which packages
 * with compiled code might. It is half of the script, and a worker has to read all of it before Python can begin.
 *
 * Parsed with acorn, so what is taken are whole declarations: a function or a constant of the script's one big scope
 * whose name occurs in nothing that stays. A name that occurs anywhere counts as used, whatever it means there, as a
 * text too. Properties set on such a function go with it, and so does what tells others of it. Anything else that is
 * done in that scope stays.
 */

import { UnlikeError } from "../unlike.mjs";

/** What the script offers to the WebAssembly, by name. */
const OFFERED = "wasmImports";
const MISSING = "parleyMissing";
// The module has a table of these for whoever looks a function of WebGL up by its name: compiled packages,
// and there are none.
const FOR_PACKAGES_ONLY = /^emscripten_gl[A-Z]/;
const IS_PURE = new Set(["ArrowFunctionExpression", "FunctionExpression", "Literal", "Identifier"]);

/**
 * @param {object} acorn   @param {string} script   @param {Set<string>} imported every function that the module imports
 * @param {Set<string>} called those of them that its code can reach   @param {string} loader the script that uses this one
 * @returns {string}
 */
export function shake(acorn, script, imported, called, loader) {
  const options = { ecmaVersion: "latest", sourceType: "module" };
  const { scope, offered, outside } = findScope(acorn.parse(script, options));
  const kept = [];
  for (const property of offered.init.properties) {
    const name = property.key?.name ?? property.key?.value;
    if (!name) throw new UnlikeError("pyodide.asm.mjs offers functions in another way than it did");
    if (called.has(name) && !FOR_PACKAGES_ONLY.test(name))
      kept.push({ text: script.slice(property.start, property.end), names: namesIn(property.value) });
    else if (imported.has(name) || called.has(name)) kept.push({ text: `${name}:${MISSING}`, names: new Set() });
  }
  const pieces = scope.flatMap((statement) => piecesOf(statement, offered, kept));
  const alive = reached(pieces, new Set([...outside, ...loader.split(/[^\w$]+/)]));
  const isAlive = (piece) => piece.name === null || alive.has(piece.name);

  let result = "";
  let done = 0;
  for (const statement of scope) {
    const own = pieces.filter((piece) => piece.statement === statement);
    if (own.every(isAlive) && !own.some((piece) => piece.node === offered)) continue;
    result += script.slice(done, statement.start);
    const parts = own
      .filter(isAlive)
      .map(({ node }) =>
        node === offered ? `${OFFERED}={${kept.map((it) => it.text).join(",")}}` : script.slice(node.start, node.end),
      );
    if (parts.length > 0) result += `${statement.kind} ${parts.join(",")};`;
    done = statement.end;
  }
  const missing = `function ${MISSING}(){throw new Error("this runtime lacks a function of the browser's")}${MISSING}.sig="v";`;
  result = result + script.slice(done);
  result = result.replace(`var ${OFFERED}=`, () => `${missing}var ${OFFERED}=`);
  acorn.parse(result, options); // valid, or it throws
  return result;
}

function* childrenOf(node) {
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (typeof child?.type === "string") yield child;
  }
}

function namesIn(node, names = new Set()) {
  if (node.type === "Identifier") names.add(node.name);
  else if (typeof node.value === "string") names.add(node.value);
  for (const child of childrenOf(node)) namesIn(child, names);
  return names;
}

/** The statements of the function that everything stands in, what it offers, and the names that occur outside of it. */
function findScope(program) {
  let offered = null;
  let body = null;
  const look = (node, inside) => {
    if (node.type === "VariableDeclarator" && node.id.name === OFFERED) [offered, body] = [node, inside];
    for (const child of childrenOf(node)) look(child, /Function/.test(node.type) ? node.body : inside);
  };
  look(program, null);
  if (offered?.init?.type !== "ObjectExpression" || !Array.isArray(body?.body))
    throw new UnlikeError("pyodide.asm.mjs offers functions in another way than it did");
  const outside = new Set();
  const gather = (node) => {
    if (node === body) return;
    if (node.type === "Identifier") outside.add(node.name);
    for (const child of childrenOf(node)) gather(child);
  };
  gather(program);
  return { scope: body.body, offered, outside };
}

/** A statement in parts that may go each for itself: `name` is what they belong to, null for what stays. */
function piecesOf(statement, offered, kept) {
  const piece = (name, node, names) => ({ name, node, statement, names });
  if (statement.type === "FunctionDeclaration")
    return [piece(statement.id.name, statement, namesIn({ ...statement, id: null }))];
  if (statement.type === "VariableDeclaration") {
    return statement.declarations.map((node) => {
      if (node === offered) return piece(null, node, new Set(kept.flatMap((it) => [...it.names])));
      const isNamed = node.id.type === "Identifier" && node.init !== null && isPure(node.init);
      return piece(isNamed ? node.id.name : null, node, namesIn(node));
    });
  }
  const { left, right } = statement.expression?.type === "AssignmentExpression" ? statement.expression : {};
  if (left?.type === "MemberExpression" && left.object.type === "Identifier" && isPure(right)) {
    // `f.sig = ...` belongs to f. `Module["f"] = f` tells others of f, who would have to say its name.
    const tells = left.object.name === "Module" && right.type === "Identifier" && left.property.value === right.name;
    if (tells || left.object.name !== "Module")
      return [piece(tells ? right.name : left.object.name, statement, tells ? new Set() : namesIn(right))];
  }
  return [piece(null, statement, namesIn(statement))];
}

function isPure(node) {
  if (node.type === "ObjectExpression")
    return node.properties.every((it) => it.type === "Property" && !it.computed && isPure(it.value));
  if (node.type === "ArrayExpression") return node.elements.every((it) => it && isPure(it));
  if (node.type === "UnaryExpression") return node.operator !== "delete" && isPure(node.argument);
  if (node.type === "BinaryExpression") return isPure(node.left) && isPure(node.right);
  if (node.type === "MemberExpression") return !node.computed && node.object.type === "Identifier";
  return IS_PURE.has(node.type);
}

function reached(pieces, outside) {
  const byName = new Map();
  for (const piece of pieces) byName.set(piece.name, [...(byName.get(piece.name) ?? []), piece]);
  const alive = new Set();
  const waiting = [...outside, ...byName.get(null).flatMap(({ names }) => [...names])];
  while (waiting.length > 0) {
    const name = waiting.pop();
    if (alive.has(name)) continue;
    alive.add(name);
    for (const { names } of byName.get(name) ?? []) waiting.push(...names);
  }
  return alive;
}
