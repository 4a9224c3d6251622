// The queries of infra/queries/ through Microsoft's own parser of KQL: no diagnostic. And against docs/operate.md: a query reads
// only members that an event's line has, and names only codes and outcomes that exist. `tests/handler/template.rs` holds the
// members in that document against the program's own lines.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";

const require = createRequire(import.meta.url);
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const { GlobalState, KustoCode } = globalThis.Kusto.Language;

const ROOT = new URL("../../../", import.meta.url);
const read = (path) => readFileSync(new URL(path, ROOT), "utf8");
const QUERIES = readdirSync(new URL("infra/queries/", ROOT));

// The columns of Application Insights' table, of those that a query may want.
// https://learn.microsoft.com/azure/azure-monitor/reference/tables/traces
const TABLE =
  "let traces = datatable(timestamp: datetime, message: string, severityLevel: int, customDimensions: dynamic, " +
  "operation_Id: string, cloud_RoleName: string, cloud_RoleInstance: string)[];\n";

function diagnostics(query) {
  const found = KustoCode.ParseAndAnalyze(TABLE + query, GlobalState.Default).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, index) => found.getItem(index).Message);
}

// The first column of the table below a heading of docs/operate.md, without its head.
function names(heading) {
  const section = read("docs/operate.md").split(`\n## ${heading}\n`)[1].split("\n## ")[0];
  const rows = section.split("\n").filter((row) => row.startsWith("| `"));
  return new Set(rows.flatMap((row) => row.split("|")[1].match(/\w+/g)));
}

function mistakes(query, members, codes, outcomes) {
  const found = diagnostics(query);
  if (!/category startswith "Function\.EventGridTrigger" or category == "Host\.Function\.Console"/.test(query)) {
    found.push("does not read both categories");
  }
  if (/\bline\s*\[/.test(query)) found.push("reads a member in a way that is not checked");
  for (const [, member] of query.matchAll(/\bline\.(\w+)/g)) {
    if (!members.has(member)) found.push(`no line has '${member}'`);
  }
  for (const [, member, condition] of query.matchAll(/\bline\.(code|outcome) (?:==|in) ?("[^"]*"|\([^)]*\))/g)) {
    const known = member === "code" ? codes : outcomes;
    for (const [, name] of condition.matchAll(/"([^"]*)"/g)) {
      if (!known.has(name)) found.push(`there is no ${member} '${name}'`);
    }
  }
  return found;
}

const members = names("An event's line");
const codes = names("Codes");
const outcomes = new Set(read("docs/api.md").split("\n## Outcomes and status\n")[1].match(/\| `\w+`/g).map((name) => name.slice(3, -1)));
const mistakesOf = (query) => mistakes(query, members, codes, outcomes);

for (const name of QUERIES) {
  test(`${name} has no mistake`, () => assert.deepEqual(mistakesOf(read(`infra/queries/${name}`)), []));
}

test("what cannot be parsed, and what no line has, is found", () => {
  const query = read("infra/queries/late-calls.kql");
  for (const [there, planted, message] of [
    ["| project timestamp", "| project timestamps", "timestamps"],
    ["tolong(line.ms)", "tolongs(line.ms)", "tolongs"],
    ["| order by", "order by", "order"],
    ["endswith", "ends", "ends"],
    ["line.hub_ms", "line.hubs_ms", "no line has 'hubs_ms'"],
    ["line.trace", 'line["trace"]', "not checked"],
    ['"expired"', '"late"', "there is no outcome 'late'"],
    ["line.trace", 'line.code == "late"', "there is no code 'late'"],
    [' or category == "Host.Function.Console"', "", "both categories"],
  ]) {
    assert.ok(query.includes(there), there);
    const found = mistakesOf(query.replace(there, planted));
    assert.ok(found.some((each) => each.includes(message)), `${planted}: ${found}`);
  }
});

test("an alert rule loads a query that exists, and splits it by a column that it has", () => {
  const rules = read("infra/alerts.bicep").split("name: '").slice(1);
  const loaded = rules.filter((rule) => rule.includes("loadTextContent"));
  assert.equal(loaded.length, 5);
  for (const rule of loaded) {
    const query = read(`infra/${rule.match(/loadTextContent\('(.+)'\)/)[1]}`);
    assert.match(query, /\| project timestamp,/);
    if (/byCode: true/.test(rule)) assert.match(query, /\bcode = tostring\(line\.code\)/);
  }
});
