// A form for a value that a JSON Schema describes. What it can't show as fields is edited as JSON.

import { useId } from "preact/hooks";

import { useRefused } from "./form";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: Json[];
  const?: Json;
  default?: Json;
  minimum?: number;
  maximum?: number;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  minItems?: number;
  maxItems?: number;
  writeOnly?: boolean;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

type Change = (value: Json | undefined) => void;

interface NodeProps {
  root: Schema;
  schema: Schema;
  name: string;
  pointer: string;
  value: Json | undefined;
  required: boolean;
  onChange: Change;
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

// Returns what a schema stands for, when it points at one of the root's definitions.
function resolved(root: Schema, schema: Schema): Schema {
  const name = /^#\/\$defs\/([^/]+)$/.exec(schema.$ref ?? "")?.[1];
  const found = name ? root.$defs?.[name] : undefined;
  return found ? { ...found, ...schema, $ref: undefined } : schema;
}

const kindOf = (schema: Schema): string => {
  if (schema.enum) return "enum";
  const [one, other, ...more] = [schema.type ?? []].flat().filter((each) => each !== "null");
  if (!one) return schema.properties ? "object" : "json";
  return other || more.length ? "json" : one;
};

// Returns what a new value of a schema begins with.
export function initial(root: Schema, unresolved: Schema): Json | undefined {
  const schema = resolved(root, unresolved);
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (schema.const !== undefined) return schema.const;
  switch (kindOf(schema)) {
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).flatMap(([name, each]) => {
          const value = schema.required?.includes(name) || each.default !== undefined ? initial(root, each) : undefined;
          return value === undefined ? [] : [[name, value]];
        }),
      );
    case "array":
      return Array.from({ length: schema.minItems ?? 0 }, () => initial(root, schema.items ?? {}) ?? null);
    case "boolean":
      return false;
    default:
      return undefined;
  }
}

const escaped = (name: string) => name.replaceAll("~", "~0").replaceAll("/", "~1");
const worded = (name: string) => {
  const words = name.replaceAll(/[_-]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

interface FormProps {
  schema: Schema;
  value: Json | undefined;
  onChange: Change;
  // Where the value stands in the body that is sent, as problems say it.
  pointer: string;
}

export function JsonForm({ schema, value, onChange, pointer }: FormProps) {
  const told = resolved(schema, schema);
  if (kindOf(told) !== "object" || !told.properties) {
    return <Node root={schema} schema={told} name={told.title ?? "Value"} pointer={pointer} value={value} required onChange={onChange} />;
  }
  if (Object.keys(told.properties).length === 0) return <p class="quiet">There is nothing to set.</p>;
  return <Members root={schema} schema={told} pointer={pointer} value={value} onChange={onChange} />;
}

function Members({ root, schema, pointer, value, onChange }: Omit<NodeProps, "name" | "required">) {
  const members = isObject(value) ? value : {};
  const change = (name: string, to: Json | undefined) => {
    const { [name]: _, ...others } = members;
    onChange(to === undefined ? others : { ...members, [name]: to });
  };
  return (
    <>
      {Object.entries(schema.properties ?? {}).map(([name, each]) => (
        <Node
          key={name}
          root={root}
          schema={resolved(root, each)}
          name={each.title ?? worded(name)}
          pointer={`${pointer}/${escaped(name)}`}
          value={members[name]}
          required={schema.required?.includes(name) ?? false}
          onChange={(to) => change(name, to)}
        />
      ))}
    </>
  );
}

function Node(props: NodeProps) {
  switch (kindOf(props.schema)) {
    case "object":
      return props.schema.properties ? <Group {...props} /> : <Raw {...props} />;
    case "array":
      return props.schema.items ? <Items {...props} /> : <Raw {...props} />;
    case "enum":
      return <Enum {...props} />;
    case "boolean":
      return <Check {...props} />;
    case "number":
    case "integer":
      return <Numeric {...props} />;
    case "string":
      return <Text {...props} />;
    default:
      return <Raw {...props} />;
  }
}

function Group(props: NodeProps) {
  return (
    <fieldset>
      <legend>{props.name}</legend>
      {props.schema.description && <p class="hint">{props.schema.description}</p>}
      <Members {...props} />
    </fieldset>
  );
}

function Items({ root, schema, name, pointer, value, onChange }: NodeProps) {
  const items = Array.isArray(value) ? value : [];
  const of = resolved(root, schema.items ?? {});
  const id = useId();
  const { errors } = useRefused(pointer, id, false);
  const full = items.length >= (schema.maxItems ?? Infinity);
  const single = name.replace(/s$/, "").toLowerCase();
  return (
    <fieldset>
      <legend>{name}</legend>
      {schema.description && <p class="hint">{schema.description}</p>}
      {errors.map((each) => (
        <p key={each.code} class="error">
          {each.message}
        </p>
      ))}
      {items.map((item, index) => (
        <div class="item" key={index}>
          <div class="grow">
            <Node
              root={root}
              schema={{ ...of, title: undefined }}
              name={`${worded(single)} ${index + 1}`}
              pointer={`${pointer}/${index}`}
              value={item}
              required
              onChange={(to) => onChange(items.map((each, place) => (place === index ? (to ?? null) : each)))}
            />
          </div>
          <button
            type="button"
            class="other small"
            aria-label={`Remove ${single} ${index + 1}`}
            onClick={() => onChange(items.filter((_, place) => place !== index))}
          >
            Remove
          </button>
        </div>
      ))}
      {!full && (
        <button type="button" class="other small" onClick={() => onChange([...items, initial(root, of) ?? (kindOf(of) === "string" ? "" : null)])}>
          Add {single}
        </button>
      )}
    </fieldset>
  );
}

// What is around every field: its label, what was refused of it, and what the schema says.
function Around({ id, props, children }: { id: string; props: NodeProps; children: preact.ComponentChildren }) {
  const { errors } = useRefused(props.pointer, id, false);
  return (
    <div class="field">
      <label for={id}>
        {props.name} {!props.required && <span class="quiet">(optional)</span>}
      </label>
      {children}
      {errors.map((each) => (
        <p key={each.code} id={`${id}-error`} class="error">
          {each.message}
        </p>
      ))}
      {props.schema.description && (
        <p id={`${id}-hint`} class="hint">
          {props.schema.description}
        </p>
      )}
    </div>
  );
}

function useAttributes(props: NodeProps) {
  const id = useId();
  const { attributes } = useRefused(props.pointer, id, Boolean(props.schema.description));
  return { id, ...attributes };
}

function Text(props: NodeProps) {
  const { schema, value, required, onChange } = props;
  const attributes = useAttributes(props);
  const text = typeof value === "string" ? value : "";
  const change = (to: string) => onChange(to === "" && !required ? undefined : to);
  const limits = { minLength: schema.minLength, maxLength: schema.maxLength, required: required && (schema.minLength ?? 0) > 0 };
  return (
    <Around id={attributes.id} props={props}>
      {schema.writeOnly ? (
        <input {...attributes} {...limits} type="password" autocomplete="off" value={text} onInput={(event) => change(event.currentTarget.value)} />
      ) : (schema.maxLength ?? 0) > 200 ? (
        <textarea {...attributes} {...limits} rows={2} value={text} onInput={(event) => change(event.currentTarget.value)} />
      ) : (
        <input {...attributes} {...limits} pattern={schema.pattern} value={text} onInput={(event) => change(event.currentTarget.value)} />
      )}
    </Around>
  );
}

function Numeric(props: NodeProps) {
  const { schema, value, required, onChange } = props;
  const attributes = useAttributes(props);
  const step = schema.multipleOf ?? (schema.type === "integer" ? 1 : "any");
  return (
    <Around id={attributes.id} props={props}>
      <input
        {...attributes}
        type="number"
        min={schema.minimum}
        max={schema.maximum}
        step={step}
        required={required}
        value={typeof value === "number" ? value : ""}
        onInput={(event) => onChange(event.currentTarget.value === "" ? undefined : event.currentTarget.valueAsNumber)}
      />
    </Around>
  );
}

function Check(props: NodeProps) {
  const { id, ...attributes } = useAttributes(props);
  return (
    <div class="field check">
      <input id={id} {...attributes} type="checkbox" checked={props.value === true} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      <label for={id}>{props.name}</label>
      {props.schema.description && (
        <p id={`${id}-hint`} class="hint">
          {props.schema.description}
        </p>
      )}
    </div>
  );
}

function Enum(props: NodeProps) {
  const attributes = useAttributes(props);
  const options = props.schema.enum ?? [];
  return (
    <Around id={attributes.id} props={props}>
      <select
        {...attributes}
        required={props.required}
        value={props.value === undefined ? "" : JSON.stringify(props.value)}
        onChange={({ currentTarget: { value } }) => props.onChange(value === "" ? undefined : (JSON.parse(value) as Json))}
      >
        <option value="">{props.required ? "Choose …" : "Nothing"}</option>
        {options.map((each) => (
          <option key={String(each)} value={JSON.stringify(each)}>
            {String(each)}
          </option>
        ))}
      </select>
    </Around>
  );
}

function Raw(props: NodeProps) {
  const attributes = useAttributes(props);
  return (
    <Around id={attributes.id} props={props}>
      <textarea
        {...attributes}
        class="code"
        rows={4}
        spellcheck={false}
        defaultValue={props.value === undefined ? "" : JSON.stringify(props.value, null, 2)}
        onInput={({ currentTarget }) => {
          currentTarget.setCustomValidity("");
          if (!currentTarget.value.trim()) return props.onChange(undefined);
          try {
            props.onChange(JSON.parse(currentTarget.value) as Json);
          } catch {
            currentTarget.setCustomValidity("This is no JSON.");
          }
        }}
      />
    </Around>
  );
}
