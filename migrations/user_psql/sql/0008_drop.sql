alter table accounts drop column timezone, drop column locale, drop column name;
