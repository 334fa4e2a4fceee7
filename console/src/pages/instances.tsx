// The instances of whoever is logged in.

import { ok, user } from "../lib/api";
import { useFresh, useListed } from "../lib/loading";
import { narrow, route, to } from "../lib/router";
import type { components } from "../schema/user";
import { Empty, Heading, Pill, Time } from "../parts/basics";
import { Choice } from "../parts/form";
import { List, type Column } from "../parts/list";

export type Summary = components["schemas"]["InstanceSummary"];
type Status = components["schemas"]["Status"];

const STATUSES: readonly Status[] = ["pending", "provisioning", "starting", "updating", "running", "stopping", "stopped", "failed", "deleting"];
export const STATUS_OPTIONS = [["", "Any"], ...STATUSES.map((each) => [each, each] as const)] as const;

export const isStatus = (text: string | null): text is Status => STATUSES.some((each) => each === text);

export const ofInstances = ({ type }: { type: string }) => type.startsWith("com.botberi.instance.");

export const COLUMNS: readonly Column<Summary>[] = [
  {
    name: "Name",
    cell: (each) => (
      <>
        <a href={to(["instances", each.id])}>{each.name}</a>
        <div class="quiet">
          {each.agent} {each.version}
        </div>
      </>
    ),
  },
  { name: "Status", cell: (each) => <Pill of={each.status} /> },
  {
    name: "Why, and what next",
    cell: (each) => (
      <>
        <div>{each.message}</div>
        <div class="quiet">{each.next}</div>
      </>
    ),
  },
  { name: "Changed", wide: true, cell: (each) => <Time at={each.updated_at} /> },
];

export function Instances() {
  const status = route.value.query.get("status");
  const list = useListed(
    (query) => ok(user.GET("/v1/instances", { params: { query: { ...query, ...(isStatus(status) && { status: [status] }) } } })),
    [status],
  );
  useFresh(list, ofInstances);
  return (
    <>
      <Heading title="Instances">
        <a class="button" href={to(["catalog"])}>
          Launch
        </a>
      </Heading>
      <form class="inline" aria-label="Which to show">
        <Choice label="Status" name="status" options={STATUS_OPTIONS} value={status ?? ""} onChange={(value) => narrow({ status: value })} />
      </form>
      <List
        of={list}
        label="Instances"
        columns={COLUMNS}
        keyOf={(each) => each.id}
        empty={
          status ? (
            <Empty title="None is like that." />
          ) : (
            <Empty title="You have no instances yet.">
              <p>An instance is an agent of the catalog that runs for you, with a configuration of yours.</p>
              <a class="button" href={to(["catalog"])}>
                Choose an agent
              </a>
            </Empty>
          )
        }
      />
    </>
  );
}
