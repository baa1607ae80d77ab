// The bank's page is done: tell the page that framed it.
"use strict";
const outcome = document.getElementById("outcome").dataset.outcome;
if (parent !== window) parent.postMessage({ sandbox: "3ds", outcome }, "*");
