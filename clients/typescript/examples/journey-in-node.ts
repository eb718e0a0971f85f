/**
 * Make the journey in Node, and print its lines.
 *
 * CATHOUSE_URL is the gateway, CAT_URL where the proxy reaches a cat, and ADMIN_TOKEN an access token of an admin.
 */

import { readFileSync } from "node:fs";

import { GATEWAY } from "../src/index.ts";
import { journey, type Journey } from "./journey.ts";

const { CATHOUSE_URL: address = GATEWAY, CAT_URL: endpoint = "", ADMIN_TOKEN: adminToken = "" } = process.env;
const file = new URL("../../../examples/tasks/manifest.json", import.meta.url);
const manifest = JSON.parse(readFileSync(file, "utf8")) as Journey["manifest"];

console.log((await journey({ address, endpoint, adminToken, manifest })).join("\n"));
