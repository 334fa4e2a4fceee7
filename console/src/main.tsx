import { render } from "preact";

import { App } from "./app";
import { begin } from "./lib/session";
import "./style.css";

const place = document.getElementById("console");
if (place) render(<App />, place);
void begin();
