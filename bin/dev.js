#!/usr/bin/env node
// Starts the program from its sources; needs no build. For development.
import { main } from '../src/main.ts';

await main(process.argv, './src/commands/index.ts');
