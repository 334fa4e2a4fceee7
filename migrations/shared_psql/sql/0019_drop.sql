drop function exported_rows;
