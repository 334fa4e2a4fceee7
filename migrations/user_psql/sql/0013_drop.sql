drop function forget_exports, exported_rows;
drop table exports;
