// Started by the tests for what takes a process of its own: one that holds a store's folder, one whose disk fills up, one that is killed.
using PipelineOps.CrashChild;

return args switch
{
    ["hold", var folder] => Holding.Run(folder),
    ["ingest", var folder] => await Ingesting.Run(folder),
    ["fill", var folder, var ballast] => await FillingUp.Run(folder, ballast),
    _ => throw new ArgumentException($"Not known: {string.Join(' ', args)}"),
};
