drop table version_deployments;
