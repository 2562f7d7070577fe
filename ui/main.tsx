import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import { followLinks } from "./data/route.ts";
import { App } from "./shell/app.tsx";
import "./style/base.css";
import "./style/shell.css";
import "./style/alerts.css";
import "./style/reports.css";

const root = document.querySelector("#page");
if (root === null) throw new Error("BUG: index.html has no #page");
followLinks();
root.textContent = "";
render(<App />, root);
