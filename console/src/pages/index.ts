// Which pages there are, in the order of the menu. A page is given the parts of its address behind its own.

import { h, type ComponentType } from "preact";

import { Accounts } from "./admin/accounts";
import { Approvals } from "./admin/approvals";
import { Agents } from "./admin/agents";
import { Audit } from "./admin/audit";
import { Events } from "./admin/events";
import { AllInstances } from "./admin/instances";
import { Jobs } from "./admin/jobs";
import { Overview } from "./admin/overview";
import { AllRuns } from "./admin/runs";
import { Switches } from "./admin/switches";
import { Why } from "./admin/why";
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
  { at: ["admin"], title: "Overview", scope: ["admin", "support"], page: Overview },
  { at: ["admin", "instances"], title: "All instances", scope: ["admin", "support"], page: AllInstances },
  { at: ["admin", "runs"], title: "All runs", scope: ["admin", "support"], page: AllRuns },
  { at: ["admin", "accounts"], title: "Users", scope: ["admin", "support"], page: Accounts },
  { at: ["admin", "agents"], title: "Curate the catalog", scope: ["admin", "catalog"], page: Agents },
  { at: ["admin", "events"], title: "Event path", scope: ["admin", "broker"], page: Events },
  { at: ["admin", "jobs"], title: "Jobs", scope: ["admin", "support"], page: Jobs },
  { at: ["admin", "switches"], title: "Kill switches", scope: ["admin", "support"], page: Switches },
  { at: ["admin", "approvals"], title: "Approvals", scope: ["admin"], page: Approvals },
  { at: ["admin", "why"], title: "Why?", scope: ["admin", "support"], page: Why },
  { at: ["admin", "audit"], title: "Audit", scope: ["admin", "auditor"], page: Audit },
];
