using ApiDocs.Enrichment;
using ApiDocs.Loading;
using ApiDocs.Reading;
using ApiDocs.Validation;
using PipelineOps;

namespace ApiDocs;

/// <summary>Feeds stored failures back to the stage that they failed in and, where they succeed now, to those after it.</summary>
internal sealed class IngestRedrive(IngestStages stages, IngestFlow flow, CatalogClient catalog, IndexFile index)
{
    /// <param name="options">Which failures, and how fast; its count is that of all stages together.</param>
    /// <param name="cancellationToken">Stops the redrive; what is claimed is given back.</param>
    public async Task<IReadOnlyList<(string Stage, RedriveSummary Summary)>> RunAsync(RedriveOptions options, CancellationToken cancellationToken)
    {
        // The last stage first: what fails in it anew is not sent again by the same redrive.
        (string Stage, Func<ValueTask<RedriveSummary>> RedriveAsync)[] redrives =
        [
            (IngestPipeline.Load, () => stages.Load.RedriveAsync<IndexEntry>((entry, _) => index.AppendAsync([entry]), options, cancellationToken)),
            (IngestPipeline.Enrich, () => stages.Enrich.RedriveAsync<MemberRecord>(EnrichAsync, options, cancellationToken)),
            (IngestPipeline.Validate, () => stages.Validate.RedriveAsync<MemberRecord>(ValidateAsync, options, cancellationToken)),
            (IngestPipeline.Read, () => stages.Read.RedriveAsync<DocumentationFile>(ReadAsync, options, cancellationToken)),
        ];

        List<(string Stage, RedriveSummary Summary)> summaries = [];
        foreach ((string name, Func<ValueTask<RedriveSummary>> redriveAsync) in redrives)
        {
            if ((options.Filter.Stage ?? name) != name || options.MaxCount == 0)
                continue;

            RedriveSummary summary = await redriveAsync();
            summaries.Add((name, summary));
            options.MaxCount -= summary.Sent;
            if (summary.IsStopped)
                break;
        }

        return summaries;
    }

    private async ValueTask EnrichAsync(MemberRecord member, CancellationToken cancellationToken)
    {
        CatalogEntry type = await catalog.DescribeAsync(member.Type, cancellationToken);
        await LoadAsync([IndexEntry.Of(member, type)]);
    }

    private async ValueTask ValidateAsync(MemberRecord member, CancellationToken cancellationToken)
    {
        MemberValidator.Validate(member);
        await LoadAsync(await flow.EnrichAsync(new MemberGroup(member.Type, [member])));
    }

    private async ValueTask ReadAsync(DocumentationFile file, CancellationToken cancellationToken)
    {
        foreach (MemberGroup group in MemberReader.Read(file))
        {
            await LoadAsync(await flow.EnrichAsync(await flow.ValidateAsync(group)));
            file.MembersRead += group.Members.Count;
        }
    }

    // A failure is only done with when its record is where it belongs.
    private async ValueTask LoadAsync(IReadOnlyList<IndexEntry> entries)
    {
        await flow.LoadAsync(entries);
        if (flow.Problem is { } problem)
            throw new CannotGoOnException(problem);
    }
}
