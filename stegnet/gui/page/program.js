/** The page of `stegnet gui`: the program on this machine does the work. */

import { start } from "./main.js";
import { program } from "./program/backend.js";

start(program);
