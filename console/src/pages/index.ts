// Which pages there are, in the order of the menu. A page is given the parts of its address behind its own.

import { h, type ComponentType } from "preact";

import { Account } from "./account";
import { Catalog } from "./catalog";
import { InstancePage } from "./instance";
import { Instances } from "./instances";
import { Launch } from "./launch";
import { NeedsMe } from "./needs-me";
import { Usage } from "./usage";

export interface Entry {
  at: string[];
  // Left out for pages that are no entries of the menu.
  title?: string;
  // Of which scopes whoever sees it needs one; none for everybody.
  scope?: string[];
  page: ComponentType<{ parts: string[] }>;
}

export const pages: Entry[] = [
  { at: [], title: "What needs you", page: NeedsMe },
  { at: ["instances"], title: "Instances", page: ({ parts }) => (parts.length ? h(InstancePage, { parts }) : h(Instances, null)) },
  { at: ["catalog"], title: "Catalog", page: Catalog },
  { at: ["launch"], page: Launch },
  { at: ["usage"], title: "Usage and budget", page: Usage },
  { at: ["account"], title: "Account", page: Account },
];
