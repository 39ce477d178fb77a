/**
 * The transcript: keeps the list of turns up to date from what Python says has changed, draws what changed, and tells it to
 * a screen reader when nobody is heard.
 */

const ROLES = { user: "You", agent: "Agent", tool: "Tool", system: "Note", mark: "Note" };
const ANNOUNCEMENTS_KEPT = 6;
// Older turns than these were announced long ago.
const ANNOUNCED_FROM_END = 50;

const items = new Map(); // turn id -> {element, turn}: what is drawn
const announced = new Set();

/**
 * The list after an update: `update.turns` are new or changed, `update.gone` left, `update.order` is null where known turns
 * stay where they are and new ones follow. Cheap for a long list: what changes is nearly always at its end.
 */
export function mergeTurns(turns, update) {
  if (update.order) {
    const known = new Map([...turns, ...update.turns].map((turn) => [turn.id, turn]));
    return update.order.map((id) => known.get(id)).filter(Boolean);
  }
  for (const id of update.gone) {
    const at = turns.findIndex((turn) => turn.id === id);
    if (at >= 0) turns.splice(at, 1);
  }
  for (const turn of update.turns) {
    const at = turns.findLastIndex(({ id }) => id === turn.id);
    if (at >= 0) turns[at] = turn;
    else turns.push(turn);
  }
  return turns;
}

/** A new call starts an empty list; its turns are told to a screen reader again. */
export function drawTurns(list, announcer, turns) {
  const near_end = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const left = new Set(items.keys());
  let before = null;
  for (const turn of turns) {
    left.delete(turn.id);
    const item = items.get(turn.id) ?? newItem(turn);
    if (item.turn !== turn) drawTurn(item, turn);
    const place = before ? before.nextSibling : list.firstChild;
    if (place !== item.element) list.insertBefore(item.element, place);
    before = item.element;
  }
  for (const id of left) {
    items.get(id).element.remove();
    items.delete(id);
    announced.delete(id);
  }
  if (near_end) list.scrollTop = list.scrollHeight;
  announce(announcer, turns);
}

function newItem(turn) {
  const element = document.createElement("li");
  element.dataset.turn = turn.id;
  element.dataset.role = turn.role;
  for (const [name, text] of [["who", ROLES[turn.role] ?? turn.role], ["text", ""], ["mark", "interrupted"]]) {
    element.append(Object.assign(document.createElement("span"), { textContent: text, className: name }));
  }
  // Each line is written in its own direction, and its punctuation stands on the side where its readers look for it.
  element.querySelector(".text").dir = "auto";
  const item = { element, turn: null };
  items.set(turn.id, item);
  return item;
}

function drawTurn(item, turn) {
  const { element } = item;
  item.turn = turn;
  element.dataset.final = String(turn.final);
  element.dataset.interrupted = String(turn.interrupted);
  const text = element.querySelector(".text");
  if (text.textContent !== turn.text) text.textContent = turn.text;
  element.querySelector(".mark").hidden = !turn.interrupted;
}

/** A screen reader speaks each turn once, as it was heard, and never while the agent's own voice is heard. */
function announce(announcer, turns) {
  if (turns.some(({ sounding }) => sounding)) return;
  for (const turn of turns.slice(-ANNOUNCED_FROM_END)) {
    if (!turn.final || announced.has(turn.id) || !turn.text) continue;
    announced.add(turn.id);
    const cut = turn.interrupted ? " (interrupted)" : "";
    const words = `${ROLES[turn.role] ?? turn.role}: ${turn.text}${cut}`;
    announcer.append(Object.assign(document.createElement("p"), { textContent: words, dir: "auto" }));
  }
  while (announcer.children.length > ANNOUNCEMENTS_KEPT) announcer.firstChild.remove();
}
