// The OPC UA way: address → security modes and certificate → the tree, a level at a time, with types and present values.

import { config, esc, t } from "./config.js";
import { busy, choose, field, foot } from "./start_fields.js";

let server = null;
/** Node → its children as last told. */
let levels = new Map();
let open = new Set();

export const opcua = {
  driver: "opcua",
  title: "OPC UA server",
  about: "A DCS, PLC or gateway that offers a tree of variables: browse it and tick what is wanted.",
  source: { url: "", security: "Basic256Sha256", username: "", password: "" },

  markup(wizard) {
    const { source } = wizard;
    return `<form class="panel start-form" data-send="endpoints"><div class="row">
      ${field({ name: "url", words: "Address of the server", value: source.url, more: 'placeholder="opc.tcp://192.168.10.30:4840" pattern="opc\\.tcp://[^\\/@\\s]+(\\/\\S*)?" autofocus' })}
      <button type="submit" class="button main">${t("Look at the server")}</button></div>${busy()}${server ? serverMarkup(wizard) : ""}</form>
      ${levels.size ? `<section class="panel start-tree"><header><h2>${t("What the server offers")}</h2><span class="dim">${t("Tick variables; folders open with a click or the Enter key.")}</span></header><div class="body" role="tree">${branch(wizard, "", 0)}</div></section>` : ""}${foot(wizard)}`;
  },

  async act(wizard, data, element) {
    if (data.act === "endpoints") await endpoints(wizard, element);
    else if (data.act === "trust") await trust(wizard);
    else if (data.act === "browse") {
      wizard.read(wizard.querySelector("form"));
      levels = new Map();
      await openNode(wizard, "");
    } else if (data.act === "open") {
      if (open.has(data.node)) {
        open.delete(data.node);
        wizard.show();
      } else await openNode(wizard, data.node);
    } else if (data.act === "tick") wizard.tick(data.address, JSON.parse(data.row), element.checked);
  },
};

async function endpoints(wizard, form) {
  wizard.read(form);
  server = null;
  levels = new Map();
  const told = await wizard.look("opcua/endpoints", { url: wizard.source.url });
  if (!told) return;
  server = told;
  const ours = told.endpoints.map((one) => one.security).filter(Boolean);
  if (!ours.includes(wizard.source.security)) wizard.source.security = ours[0] ?? "none";
  wizard.show();
}

async function trust(wizard) {
  const told = await wizard.look("opcua/trust", { url: wizard.source.url, fingerprint: server.certificate.fingerprint });
  if (!told) return;
  server = told;
  wizard.show();
}

async function openNode(wizard, node) {
  if (!levels.has(node)) {
    const { url, security, username, password } = wizard.source;
    const told = await wizard.look("opcua/browse", { url, security, username, password, node }, t("Reading the tree …"));
    if (!told) return;
    levels.set(node, told);
  }
  open.add(node);
  wizard.show();
  wizard.querySelector(`[data-node="${CSS.escape(node)}"]`)?.focus();
}

function serverMarkup(wizard) {
  const { source } = wizard;
  const modes = server.endpoints.map((one) => `<tr><td>${esc(one.mode)}</td><td>${esc(one.policy)}</td><td>${esc(one.sign_in.join(", "))}</td><td>${one.security ? t("can be used") : `<span class="dim">${t("this node does not speak it")}</span>`}</td></tr>`).join("");
  const usable = [...new Set(server.endpoints.map((one) => one.security).filter(Boolean))];
  const words = { Basic256Sha256: t("signed and encrypted (Basic256Sha256)"), none: t("without security") };
  const secure = source.security === "Basic256Sha256";
  const waits = secure && server.certificate && !server.certificate.trusted;
  return `<p>${esc(server.name)} <span class="dim mono">${esc(server.uri)}</span></p>
    <div class="wide-table"><table class="sheet"><thead><tr><th>${t("Mode")}</th><th>${t("Policy")}</th><th>${t("Sign-in")}</th><th></th></tr></thead><tbody>${modes}</tbody></table></div>
    <div class="row">${choose({ name: "security", words: "Security", value: source.security, choices: usable.map((one) => [one, words[one]]), about: "security", change: "browse-later" })}
      ${field({ name: "username", words: "User name", value: source.username, needed: false })}${field({ name: "password", words: "Password", value: source.password, needed: false, kind: "password" })}</div>
    ${secure && server.certificate ? certificate() : ""}
    <div class="button-row"><button type="button" class="button main" data-act="browse"${waits ? " disabled" : ""}>${t("Browse")}</button></div>`;
}

function certificate() {
  const one = server.certificate;
  const pairs = one.fingerprint.match(/.{1,4}/g).join(" ");
  const state = one.trusted ? `<p>${t("This node trusts this certificate at this address.")}</p>` : `<p>${t("This node does not know the certificate. Compare the fingerprint with what the server's administrator tells you, then trust it. It is trusted for good at this address and no other, and your name is on record.")}</p><button type="button" class="button" data-act="trust">${t("The fingerprint is right: trust it")}</button>`;
  return `<div class="start-certificate"><p class="dim">${t("Server certificate")}: ${esc(one.subject)} · ${esc(one.start)} – ${esc(one.end)}</p><p class="mono big">${pairs}</p>${state}</div>`;
}

function branch(wizard, node, depth) {
  const told = levels.get(node);
  if (!told) return "";
  const items = told.items.map((item) => (item.folder ? folder(wizard, item, depth) : variable(wizard, item, depth))).join("");
  const more = told.left_out ? `<p class="dim" style="padding-left:${depth * 22 + 26}px">${t("{n} more are not shown", { n: told.left_out })}</p>` : "";
  return items || more ? items + more : `<p class="dim" style="padding-left:${depth * 22 + 26}px">${t("Nothing stands here.")}</p>`;
}

function folder(wizard, item, depth) {
  const is = open.has(item.node) && levels.has(item.node);
  return `<button type="button" class="tree-row" role="treeitem" aria-expanded="${is}" aria-level="${depth + 1}" data-act="open" data-node="${esc(item.node)}" style="padding-left:${depth * 22 + 4}px"><i>${is ? "▾" : "▸"}</i>${esc(item.name)}</button>${is ? branch(wizard, item.node, depth + 1) : ""}`;
}

function variable(wizard, item, depth) {
  const address = item.row.address;
  const value = item.value === null ? "—" : typeof item.value === "number" ? Number(item.value.toPrecision(7)) : item.value;
  const row = { ...item.row, reporting: "on_change" };
  return `<label class="tree-row" role="treeitem" aria-level="${depth + 1}" style="padding-left:${depth * 22 + 4}px"><input type="checkbox" data-change="tick" data-address="${esc(address)}" data-row="${esc(JSON.stringify(row))}"${wizard.rows.has(address) ? " checked" : ""}${item.readable ? "" : " disabled"}><span class="name">${esc(item.name)}</span><span class="dim">${esc(item.type)}</span><b class="mono">${esc(value)}</b><span class="dim">${esc(config.units[item.row.unit] ?? item.row.unit ?? "")}</span><span class="dim">${item.status === "Good" ? "" : esc(item.status)}${item.readable ? "" : ` ${t("no number")}`}</span></label>`;
}
